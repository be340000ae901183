"""The figures as tables of Markdown."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.performance.inspector import Timing
    from benchmarks.performance.line import LineResult


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table with this head."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, cells))} |" for cells in lines)


def timings(found: Sequence["Timing"]) -> str:
    """The inspector beside the bare calls."""
    head = (
        "bundle",
        "camera",
        "threads",
        "invoke, ms",
        "resize + invoke, ms",
        "inspector, ms (p99)",
        "inspector to resize + invoke",
    )
    rows = []
    for one in found:
        bare, resized, ours = (one.milliseconds[kind] for kind in ("invoke", "resize + invoke", "inspector"))
        rows.append(
            (
                one.bundle if one.has_heatmap else f"{one.bundle}, no heatmap",
                f"{one.width}x{one.height} {'colour' if one.colour else 'grey'}",
                one.threads,
                f"{bare[0]:.3f}",
                f"{resized[0]:.3f}",
                f"{ours[0]:.3f} ({ours[1]:.3f})",
                f"{one.ratio:.2f}",
            )
        )
    return table(head, rows)


def latency(found: Sequence["LineResult"]) -> str:
    """Milliseconds from capture to receipt, p50 and p99."""
    head = ("parts a second", "cores", "verdicts", "station, ms", "bare loop, ms", "p50 to p50", "p99 to p99")
    return table(
        head,
        (
            (
                f"{one.rate:g}",
                one.cores,
                f"{one.verdicts} of {one.offered}",
                f"{one.station.p50_ms:.2f}, {one.station.p99_ms:.2f}",
                f"{one.bare.p50_ms:.2f}, {one.bare.p99_ms:.2f}",
                f"{one.station.p50_ms / one.bare.p50_ms:.2f}",
                f"{one.station.p99_ms / one.bare.p99_ms:.2f}",
            )
            for one in found
        ),
    )


def spent(found: Sequence["LineResult"]) -> str:
    """CPU, context switches and disk for each part, and memory at the end."""
    head = (
        "parts a second",
        "cores",
        "which",
        "CPU, ms a part",
        "context switches a part",
        "bytes to disk a part",
        "memory, MB",
    )
    rows = []
    for one in found:
        for what, taken in (("station", one.station.spent), ("bare loop", one.bare.spent)):
            rows.append(
                (
                    f"{one.rate:g}",
                    one.cores,
                    what,
                    f"{taken.cpu_ms_a_part:.2f}",
                    f"{taken.switches_a_part:.1f}",
                    f"{taken.written_bytes_a_part:.0f}",
                    f"{taken.memory_mb:.1f}",
                )
            )
    return table(head, rows)
