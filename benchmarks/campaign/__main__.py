"""Run the parts of the campaign that are asked for, and write their rows into its page.

`python -m benchmarks.campaign --kills 1000 --out docs/research/reliability.md`
"""

import argparse
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.campaign import table
from benchmarks.campaign.brokers import misbehave
from benchmarks.campaign.cameras import CAMERAS, break_cameras
from benchmarks.campaign.daemon import ROOT
from benchmarks.campaign.disturbances import KINDS, disturb_often
from benchmarks.campaign.fuzz.campaign import fuzz
from benchmarks.campaign.fuzz.targets import targets
from benchmarks.campaign.graphs import spoil_graphs
from benchmarks.campaign.held import hold_often
from benchmarks.campaign.kill import kill_often
from benchmarks.campaign.link import KEEPS_ALL, KEEPS_SESSIONS, away, fault_often
from benchmarks.campaign.power import cut_often
from benchmarks.campaign.signals import signal_often
from benchmarks.campaign.soak import plot, soak
from benchmarks.campaign.table import Row
from testing.brokers import MosquittoBroker, find_mosquitto
from testing.rigs.power import power_cut_is_missing

HOUR_OF_PARTS = 180_000  # at 50 a second
FUZZED = ROOT / "build" / "campaign-fuzz"
PLOT = "soak.png"


class Campaign:
    """The parts, each in a folder and with a broker of its own."""

    def __init__(self, program: Path, folder: Path, seed: int) -> None:
        self._program = program
        self._folder = folder
        self._seed = seed

    def kills(self, times: int) -> list[Row]:
        """Line 1."""
        with self._place("kill") as (broker, folder):
            return table.kill_rows(kill_often(broker, folder, times=times, seed=self._seed))

    def signals(self, times: int) -> list[Row]:
        """Signals that ask for stacks and settings."""
        with self._place("signals") as (broker, folder):
            return table.signal_rows(signal_often(broker, folder, times=times, seed=self._seed))

    def power_cuts(self, times: int) -> list[Row]:
        """Line 3."""
        if (missing := power_cut_is_missing()) is not None:
            print(f"no power cuts: {missing}")
            return []
        with self._place("power") as (broker, folder):
            return table.power_rows(cut_often(broker, folder, times=times, seed=self._seed))

    def holds(self, times: int) -> list[Row]:
        """Line 1, once more: the process is held."""
        with self._place("held") as (broker, folder):
            return table.held_rows(hold_often(broker, folder, times=times, seed=self._seed))

    def link_faults(self, times: int) -> list[Row]:
        """Line 2, the first half."""
        with self._place("link", KEEPS_ALL) as (broker, folder):
            result = fault_often(broker, folder, times=times, seed=self._seed)
        return table.link_rows("the broker killed, restarted, frozen, half-open, slow", result)

    def misbehaviours(self, times: int) -> list[Row]:
        """Line 2, with a broker of ours."""
        with tempfile.TemporaryDirectory(prefix="linegate-misbehaves-", dir=self._folder) as made:
            return table.misbehaviour_rows(misbehave(Path(made), times=times, seed=self._seed))

    def away_parts(self, parts: int, rate: float) -> list[Row]:
        """Line 2, the second half."""
        with self._place("away", KEEPS_SESSIONS) as (broker, folder):
            result = away(broker, folder, parts=parts, rate=rate)
        return table.link_rows(f"the broker away for {parts} parts", result)

    def troubles(self, times: int, kinds: Sequence[str]) -> list[Row]:
        """Line 4."""
        rows = []
        for kind in kinds:
            trouble = KINDS[kind]
            if (missing := trouble.missing()) is not None:
                print(f"{kind}: left out, {missing}")
                continue
            with self._place("surroundings", KEEPS_SESSIONS) as (broker, folder):
                rows += table.trouble_rows(disturb_often(broker, folder, kind, times=times, seed=self._seed))
        return rows

    def camera_mishaps(self, times: int, kinds: Sequence[str], mishaps: Sequence[str] | None) -> list[Row]:
        """The mishaps of ``make camera-campaign``, done to a whole station in place of a guard."""
        with self._place("cameras") as (broker, folder):
            results = break_cameras(
                broker, folder, times=times, seed=self._seed, kinds=kinds, mishaps=mishaps
            )
        return [row for result in results for row in table.camera_rows(result)]

    def fuzz_inputs(self, inputs: int, jobs: int, names: Sequence[str]) -> list[Row]:
        """Line 6; what was done of this commit stays in build/, so that it goes on from there."""
        folder = FUZZED / _commit()
        return table.fuzz_rows(fuzz(folder, inputs=inputs, seed=self._seed, jobs=jobs, names=names))

    def changed_graphs(self, graphs: int) -> list[Row]:
        """Line 6, for what only native code reads."""
        return table.graph_rows(spoil_graphs(graphs=graphs, seed=self._seed))

    def hours(self, hours: float, picture: Path | None) -> list[Row]:
        """Line 7."""
        with self._place("soak", "log_type none") as (broker, folder):
            result = soak(broker, folder, hours=hours)
        if picture is not None:
            plot(result.samples, picture)
        return table.soak_rows(result)

    @contextmanager
    def _place(self, name: str, config: str = "log_type error") -> Iterator[tuple[MosquittoBroker, Path]]:
        with tempfile.TemporaryDirectory(prefix=f"linegate-{name}-", dir=self._folder) as made:
            broker = MosquittoBroker(self._program, Path(made) / "broker", config=config)
            broker.start()
            try:
                yield broker, Path(made)
            finally:
                broker.stop()


def main() -> None:
    """Run the parts that were asked for, print their rows, and write them as soon as each part is done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--signals", type=int, default=0)
    parser.add_argument("--holds", type=int, default=0, help="by SIGSTOP, between decision and sending")
    parser.add_argument("--link-faults", type=int, default=0)
    parser.add_argument("--misbehaviours", type=int, default=0, help="times of each kind")
    parser.add_argument("--away-parts", type=int, default=0, help=f"an hour's are {HOUR_OF_PARTS}")
    parser.add_argument("--away-rate", type=float, default=300.0, help="parts a second, while it is away")
    parser.add_argument("--power-cuts", type=int, default=0)
    parser.add_argument("--troubles", type=int, default=0, help="times of each kind")
    parser.add_argument(
        "--trouble-kinds", nargs="+", choices=list(KINDS), default=list(KINDS), metavar="KIND"
    )
    parser.add_argument("--cameras", type=int, default=0, help="times of each mishap of each kind of camera")
    parser.add_argument(
        "--camera-kinds", nargs="+", choices=list(CAMERAS), default=list(CAMERAS), metavar="KIND"
    )
    mishaps = sorted({mishap.name for kind in CAMERAS.values() for mishap in kind.mishaps})
    parser.add_argument(
        "--mishaps", nargs="+", choices=mishaps, metavar="NAME", help="of cameras; default: all"
    )
    parser.add_argument("--fuzz", type=int, default=0, help="inputs in all")
    fuzzed = [target.name for target in targets()]
    parser.add_argument(
        "--fuzz-targets", nargs="+", choices=fuzzed, default=fuzzed, metavar="NAME", help="default: all"
    )
    parser.add_argument("--graphs", type=int, default=0, help="bundles with a changed graph")
    parser.add_argument("--jobs", type=int, default=2, help="processes for --fuzz")
    parser.add_argument("--hours", type=float, default=0.0, help="of the soak")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where journals and disks lie; default: a temporary one")
    parser.add_argument("--out", type=Path, help="the page with the table; the soak's plot lies beside it")
    arguments = parser.parse_args()
    program = find_mosquitto()
    if program is None:
        parser.exit(2, "mosquitto is not installed\n")
    campaign = Campaign(program, arguments.folder, arguments.seed)
    picture = None if arguments.out is None else arguments.out.with_name(PLOT)
    parts: list[tuple[float, Callable[[], list[Row]]]] = [
        (arguments.kills, lambda: campaign.kills(arguments.kills)),
        (arguments.signals, lambda: campaign.signals(arguments.signals)),
        (arguments.holds, lambda: campaign.holds(arguments.holds)),
        (arguments.link_faults, lambda: campaign.link_faults(arguments.link_faults)),
        (arguments.misbehaviours, lambda: campaign.misbehaviours(arguments.misbehaviours)),
        (arguments.away_parts, lambda: campaign.away_parts(arguments.away_parts, arguments.away_rate)),
        (arguments.power_cuts, lambda: campaign.power_cuts(arguments.power_cuts)),
        (arguments.troubles, lambda: campaign.troubles(arguments.troubles, arguments.trouble_kinds)),
        (
            arguments.cameras,
            lambda: campaign.camera_mishaps(arguments.cameras, arguments.camera_kinds, arguments.mishaps),
        ),
        (
            arguments.fuzz,
            lambda: campaign.fuzz_inputs(arguments.fuzz, arguments.jobs, arguments.fuzz_targets),
        ),
        (arguments.graphs, lambda: campaign.changed_graphs(arguments.graphs)),
        (arguments.hours, lambda: campaign.hours(arguments.hours, picture)),
    ]
    for wanted, run in parts:
        if wanted:
            _write(run(), arguments.out)


def _write(rows: list[Row], out: Path | None) -> None:
    on = f"{datetime.now(UTC).date().isoformat()}, {_commit()}"
    for row in rows:
        print(row.line(on), flush=True)
    if out is not None:
        page = out.read_text() if out.exists() else "# Broken on purpose\n"
        out.write_text(table.merged(page, rows, on))


def _commit() -> str:
    """The commit that is tried, marked where the files are not quite those."""
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "no commit"


if __name__ == "__main__":
    main()
