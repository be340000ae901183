"""The page of the campaign: rows of this run replace earlier ones of the same thing, the rest stays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.campaign.brokers import MisbehaviourResult
from benchmarks.campaign.cameras import LIMIT_S, CameraResult
from benchmarks.campaign.disturbances import DisturbanceResult
from benchmarks.campaign.fuzz.campaign import FuzzResult
from benchmarks.campaign.fuzz.targets import targets
from benchmarks.campaign.graphs import GraphResult
from benchmarks.campaign.held import HeldResult
from benchmarks.campaign.kill import KillResult
from benchmarks.campaign.link import LinkResult
from benchmarks.campaign.power import PowerResult
from benchmarks.campaign.signals import SignalResult
from benchmarks.campaign.soak import SoakResult, slopes
from testing.rigs.witness import TRANSPORT_S, CommandTimes

HEAD = (
    "| what was done | times | what must hold | measured | on |",
    "| --- | --- | --- | --- | --- |",
)


@dataclass(frozen=True)
class Row:
    """One line of the table; ``on`` is a day and a commit."""

    what: str
    times: int | str
    must: str
    measured: str

    def line(self, on: str) -> str:
        """As it stands in the page."""
        return f"| {self.what} | {self.times} | {self.must} | {self.measured} | {on} |"


def merged(page: str, rows: Sequence[Row], on: str) -> str:
    """The page with these rows where its rows of the same ``what`` were, or else at the end of its table.

    A page without the table gets one at its end.
    """
    lines = page.rstrip("\n").split("\n")
    if HEAD[1] not in lines:
        lines += ["", *HEAD]
    start = lines.index(HEAD[1]) + 1
    end = next((i for i in range(start, len(lines)) if not lines[i].startswith("|")), len(lines))
    old = lines[start:end]
    for what in dict.fromkeys(row.what for row in rows):
        new = [row.line(on) for row in rows if row.what == what]
        at = next((i for i, line in enumerate(old) if _is_of(line, what)), len(old))
        old = [*old[:at], *new, *(line for line in old[at:] if not _is_of(line, what))]
    return "\n".join([*lines[:start], *old, *lines[end:], ""])


def _is_of(line: str, what: str) -> bool:
    return line.startswith(f"| {what} |")


def kill_rows(result: KillResult) -> list[Row]:
    """Kill -9."""
    times = sorted(result.running_again_s)
    late = sum(seconds > 2 for seconds in times)
    found = {
        "every verdict that a subscriber has is in the journal": f"{result.verdicts} verdicts,"
        f" {result.missing_in_journal} missing",
        "every verdict of the journal arrives": f"{result.missing_at_witness} missing,"
        f" {result.repeated} came twice",
        "no id with two contents": f"{result.two_contents}",
        "in order": f"{result.out_of_order} out of order",
        "no late command": f"{_times(result.times)}; by their own word {result.commands_sent_late} of"
        f" {result.commands} were sent late; {result.commands_here_late} came after `valid_until`",
        "running again within 2 s": f"median {median(times):.2f} s, worst {times[-1]:.2f} s, {late} later",
        "(not promised) a reject without a record": f"{result.rejected_unrecorded}",
    }
    return _rows("`kill -9` under load", result.kills, found)


def power_rows(result: PowerResult) -> list[Row]:
    """Power cuts."""
    worst = max(result.lost_s, default=0.0)
    found = {
        "the journal opens": f"{result.unopened} did not, {result.set_aside} were set aside",
        "at most 1 s is lost": f"worst {worst:.2f} s, {sum(s > 1 for s in result.lost_s)} more;"
        f" {result.missing} of {result.verdicts + result.missing} verdicts",
        "no id with two contents": f"{result.two_contents}",
    }
    return _rows("power cut of the journal's disk", result.cuts, found)


def _times(times: CommandTimes) -> str:
    """By the subscriber's clock; nothing but what happened to the daemon can have delayed them."""
    return (
        f"{times.late} of {times.judged} came over {TRANSPORT_S:g} s after their part was at the ejector,"
        f" {times.shifted} name another moment"
    )


def held_rows(result: HeldResult) -> list[Row]:
    """Held between decision and sending."""
    found = {
        "no late command": f"{_times(result.times)}; {result.longer_than_travel} holds longer than"
        " the way to the ejector"
    }
    return _rows("held by SIGSTOP between a decision and its sending", result.holds, found)


def signal_rows(result: SignalResult) -> list[Row]:
    """Signals by the thousand."""
    found = {
        "the daemon goes on": f"{result.ended} ended; stacks written {result.stacks} times",
        "no verdict lost, no id with two contents": f"{result.missing} of {result.verdicts} missing,"
        f" {result.two_contents} with two contents",
    }
    return _rows("signals USR1 and HUP under load", result.signals, found)


def misbehaviour_rows(result: MisbehaviourResult) -> list[Row]:
    """A broker that misbehaves."""
    kind, most = max(result.memory_mb.items(), key=lambda item: item[1])
    talkative, lines = max(result.lines.items(), key=lambda item: item[1])
    found = {
        "the daemon goes on": f"{len(result.times)} ways; {len(result.ended)} ended{_named(result.ended)}",
        "back with a good broker": f"{len(result.not_back)} not within 60 s{_named(result.not_back)};"
        f" median {median(result.back_s):.2f} s, worst {max(result.back_s):.2f} s",
        "memory is bounded": f"{result.memory_first_mb:.0f} MB before, at most {most:.0f} MB ({kind})",
        "no late command": f"{len(result.commands_late)} came over {TRANSPORT_S:g} s after `valid_until`"
        f"{_named([kind for kind, _ in result.commands_late])}",
        "no verdict lost, no id with two contents": f"{result.missing} of {result.verdicts} missing,"
        f" {result.two_contents} with two contents",
        "the reason is said, and not again and again": f"at most {lines} lines a misbehaviour ({talkative})",
    }
    return _rows("a broker that misbehaves", sum(result.times.values()), found)


def _named(kinds: Sequence[str]) -> str:
    return f" ({', '.join(dict.fromkeys(kinds))})" if kinds else ""


def link_rows(what: str, result: LinkResult) -> list[Row]:
    """The broker away in several ways, or for long."""
    kinds = ", ".join(f"{count} {name}" for name, count in result.faults.items())
    marked = result.arrived_late - result.unmarked
    found = {
        "every verdict arrives, in order, with one content": f"{result.verdicts} verdicts, {result.missing}"
        f" missing, {result.out_of_order} out of order, {result.two_contents} with two contents,"
        f" {result.repeated} came twice",
        "late ones say so": f"{marked} of {result.arrived_late} that came more than 3 s after their part",
        "no stale command": f"{result.times.shifted} of {result.times.judged} name another moment than that"
        f" of their part; {result.commands_sent_late} of {result.commands} sent late by their own word;"
        f" {result.commands_here_late} came after `valid_until`",
        "memory bounded": f"{result.rss_mb[0]:.0f} MB at first, {max(result.rss_mb):.0f} MB at most,"
        f" {result.rss_mb[-1]:.0f} MB at last; {max(result.threads)} threads at most",
    }
    if result.back_s:
        found["goes on by itself"] = (
            f"{kinds}: new parts are reported after {median(result.back_s):.2f} s (median),"
            f" {max(result.back_s):.2f} s (worst)"
        )
    else:
        found["all of it comes, once it is back"] = f"within {result.drain_s:.0f} s, while new parts came"
    return _rows(what, sum(result.faults.values()), found)


def trouble_rows(result: DisturbanceResult) -> list[Row]:
    """Something around the daemon."""
    said = f"said {result.said} times, {result.said_again} times too often" if result.said else "no alarm"
    lost = f"{result.missing} verdicts lost, {result.two_contents} with two contents,"
    lost += f" {result.unrecorded} rejects without a record"
    late = f" ({result.unsent} commands said to be unsent)" if result.unrejected else ""
    back = f"worst {max(result.back_s):.1f} s, {result.not_back} not back"
    found = {
        "the gate stays safe": f"{result.unrejected} of {result.parts} parts not rejected{late},"
        f" {result.commands_late} late commands",
        "said once, then cleared": f"{said}, {result.still_raised} left",
        "back by itself, nothing lost": f"{back}; {lost}"
        + (f"; {result.watchdog} times by the watchdog" if result.watchdog else ""),
    }
    return _rows(result.kind, result.times, found)


def camera_rows(result: CameraResult) -> list[Row]:
    """A camera that fails under the daemon."""
    late = sum(seconds > LIMIT_S for seconds in result.to_fault_s)
    first, last = result.held[0], result.held[-1]
    most = max(held.memory_mb for held in result.held)
    found = {
        f"`fault` within {LIMIT_S:g} s": f"worst {max(result.to_fault_s, default=0):.2f} s after the last"
        f" whole frame, {max(result.since_mishap_s, default=0):.2f} s after the mishap; {late} later,"
        f" {result.unseen} without",
        "no part passes meanwhile": f"{result.passed_during} of {result.parts_during} parts while it said so;"
        f" before it did {result.passed_before} of {result.parts_before}",
        "back by itself": f"median {median(result.back_s or [0]):.2f} s,"
        f" worst {max(result.back_s, default=0):.2f} s",
        "nothing grows": f"{first.memory_mb:.0f} MB at first, {most:.0f} MB at most,"
        f" {last.memory_mb:.0f} MB at last; threads {first.threads} and {last.threads},"
        f" files {first.files} and {last.files}",
    }
    return _rows(result.what, result.times, found)


def fuzz_rows(results: Mapping[str, FuzzResult]) -> list[Row]:
    """Each target, and all together where all were tried."""
    rows = []
    if results.keys() >= {target.name for target in targets()}:
        rows.append(
            Row("fuzzing: all", sum(r.inputs for r in results.values()), *_fuzzed(list(results.values())))
        )
    for name, result in results.items():
        rows.append(Row(f"fuzzing: {name}", result.inputs, *_fuzzed([result])))
    return rows


def _fuzzed(results: Sequence[FuzzResult]) -> tuple[str, str]:
    failures = sum(len(result.failures) for result in results)
    growth = max(result.growth_mb for result in results)
    crashes, hangs = sum(r.crashes for r in results), sum(r.hangs for r in results)
    return (
        "taken, or refused in one line",
        f"{failures} failures ({crashes} crashes, {hangs} hangs); {sum(r.taken for r in results)} taken;"
        f" slowest {max(r.slowest_s for r in results):.2f} s, at most {growth:.0f} MB more",
    )


def graph_rows(result: GraphResult) -> list[Row]:
    """Bundles whose hashes are right and whose graph is not."""
    ends = ", ".join(f"{count} {name}" for name, count in result.ends.most_common()) or "none"
    return [
        Row(
            "bytes of a graph changed, hashes right",
            result.graphs,
            "loaded or refused in one line, and no end of the process",
            f"{result.loaded} loaded, {result.refused} refused; ended a process that runs them untried: "
            f"{ends}; raised another error there: {sum(result.raised.values())}; of these the "
            f"product, which went on, refused {len(result.said)} and took {len(result.taken)}",
        )
    ]


def soak_rows(result: SoakResult) -> list[Row]:
    """Rows of what does not grow."""
    hours = result.samples[-1].minute / 60
    names = {
        "rss_mb": ("memory flat", "MB"),
        "threads": ("threads flat", "threads"),
        "files": ("open files flat", "files"),
        "decided_p50_ms": ("latency of the decision flat: median", "ms"),
        "decided_p99_ms": ("latency of the decision flat: p99", "ms"),
        "arrived_p50_ms": ("latency to the subscriber flat: median", "ms"),
        "arrived_p99_ms": ("latency to the subscriber flat: p99", "ms"),
    }
    seen = f"{result.verdicts} verdicts, {result.missing} missing, {result.repeated} came twice"
    found = {"no verdict lost": seen}
    for slope in slopes(result.samples):
        if slope.name in names:
            must, unit = names[slope.name]
            interval = f"{slope.low:+.2f} to {slope.high:+.2f}"
            found[must] = f"{slope.mean:.1f} {unit}; {slope.per_hour:+.2f} an hour ({interval})"
    return _rows("soak at 50 parts a second", f"{hours:.1f} h", found)


def _rows(what: str, times: int | str, found: Mapping[str, str]) -> list[Row]:
    return [Row(what, times, must, measured) for must, measured in found.items()]
