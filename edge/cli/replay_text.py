"""The findings of a replay, for people."""

from edge.cli.replay import Record, Replay
from edge.core.decision import Verdict
from edge.core.metrics import Metrics
from edge.core.words import counted

_SHOWN = 20  # of what is wrong


def summary(result: Replay) -> str:
    """The text of `edge --replay`."""
    counts = {verdict: sum(one.verdict == verdict for one in result.inspections) for verdict in Verdict}
    verdicts = ", ".join(f"{count} {verdict.value}" for verdict, count in counts.items())
    latency = result.document()["latency_ms"]
    census = result.census
    of_files = f" of {counted(census.seen, 'file')}" if census.left_out else ""
    lines = [
        f"{len(result.inspections)} images{of_files} in {result.seconds:.1f} s: {verdicts}",
        f"latency in ms: median {latency['p50']:.2f}, p95 {latency['p95']:.2f}, p99 {latency['p99']:.2f}",
    ]
    if result.layout is not None:
        lines.append(f"laid out as {result.layout}")
    lines += [*_wrong(result.wrong), str(census)]
    if result.metrics is not None:
        lines.append(_metrics_line(result.metrics, result))
    return "\n".join(lines)


def _metrics_line(metrics: Metrics, result: Replay) -> str:
    unknown = ", ".join(f"{name} ({count})" for name, count in result.unknown_kinds.items())
    kinds = f", of kinds that the bundle does not know: {unknown}" if unknown else ""
    without = f"; of {len(result.inspections)} images {result.census.without_truth} have no known truth"
    return (
        f"{metrics.correct} of {metrics.images} labelled images right: {metrics.accuracy or 0:.2%} "
        f"(95 % interval {metrics.accuracy_low or 0:.2%} to {metrics.accuracy_high or 0:.2%}); "
        f"{counted(metrics.escapes, 'escape')}, {metrics.overkill} overkill{kinds}{without}"
    )


def _wrong(records: list[Record]) -> list[str]:
    if not records:
        return []
    lines = [f"{len(records)} wrong:"]
    lines += [
        f"  {one.file}: {one.label}, verdict {one.verdict.value}"
        + (f", score {one.score:.3f}" if one.score is not None else "")
        for one in records[:_SHOWN]
    ]
    if len(records) > _SHOWN:
        lines.append(f"  … and {len(records) - _SHOWN} more; --json or --report lists all")
    return lines
