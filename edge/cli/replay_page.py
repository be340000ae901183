"""The page of a replay: counts, mistakes, scores, times, and what decided, in one HTML file."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.cli.replay import Record, Replay
from edge.cli.replay_compare import Comparison, in_words
from edge.cli.replay_gallery import Gallery, Picture
from edge.core.decision import Thresholds, Verdict
from edge.core.foreign_text import in_html
from edge.core.html_page import (
    BAD,
    GOOD,
    INK,
    captioned,
    folded,
    paragraph,
    percent,
    row,
    section,
    table,
    write_page,
)
from edge.core.metrics import Metrics
from edge.core.versions import versions
from edge.core.words import counted
from edge.inspection.inspector import Inspector

_BINS, _WIDTH, _HEIGHT, _BELOW = 40, 600, 160, 18
_DIFFERENCES = 200  # lines


@dataclass(frozen=True)
class Report:
    """A replay by ``inspector`` with its pictures, and perhaps that of another bundle beside it."""

    source: Path
    inspector: Inspector
    replay: Replay
    gallery: Gallery
    comparison: Comparison | None = None


def write_replay_page(path: Path, report: Report) -> None:
    """Write the page whole or not at all; raises InputError where it cannot be written."""
    escapes = [one for one in report.replay.wrong if one.verdict == Verdict.OK]
    sections = [
        *_summary(report),
        *_figures(report.replay.metrics),
        section("Scores", _histogram(report.replay, report.inspector.thresholds)),
        _pictures("Defects that passed, the lowest scores first", report.gallery.escapes, len(escapes)),
        _pictures("What else is wrong", report.gallery.mistakes, len(report.replay.wrong) - len(escapes)),
        _pictures("Not wrong, and nearest to a threshold", report.gallery.borderline),
        _beside(report),
        section("Time", _times(report)),
        section("Files", paragraph(str(report.replay.census)), _left_out(report.replay)),
        section("What decided", _bundle(report.inspector, report.replay)),
    ]
    write_page(path, f"Replay of {report.source.name}", sections)


def _summary(report: Report) -> list[str]:
    result = report.replay
    verdicts = ", ".join(f"{count} {verdict}" for verdict, count in result.document()["verdicts"].items())
    parts = [
        f"<h1>{in_html(report.source.name)}, inspected again</h1>",
        paragraph(f"{counted(len(result.inspections), 'image')}: {verdicts}.", "headline"),
    ]
    if result.metrics is not None and result.metrics.escapes:
        parts.append(paragraph(f"{counted(result.metrics.escapes, 'defect')} passed as ok.", "warning"))
    return parts + [paragraph(note, "warning") for note in result.notes]


def _figures(metrics: Metrics | None) -> list[str]:
    if metrics is None:
        return [paragraph("No truth is known of these pictures: nothing here says how good the bundle is.")]
    interval = f"{percent(metrics.accuracy_low)} to {percent(metrics.accuracy_high)}"
    rows = [
        ("right", f"{metrics.correct} of {metrics.images}, {percent(metrics.accuracy)} ({interval})"),
        ("defects that passed as ok: escapes", str(metrics.escapes)),
        ("good parts rejected: overkill", str(metrics.overkill)),
        ("unsure, and faults", f"{metrics.unsure}, {metrics.fault}"),
        ("balanced accuracy", percent(metrics.balanced_accuracy)),
        ("area under the ROC curve", "-" if metrics.auroc is None else f"{metrics.auroc:.4f}"),
    ]
    columns = list(dict.fromkeys(name for counts in metrics.confusion.values() for name in counts))
    confusion = [
        [label, *(str(counts.get(name, 0)) for name in columns)]
        for label, counts in metrics.confusion.items()
    ]
    return [
        section("Beside the truth that the folders tell", table(("", "images"), rows)),
        section("Confusion", table(("truth", *columns), confusion)),
        paragraph(
            "The interval is Wilson's, 95 %, and counts pictures as if each were of a part of its own."
        ),
    ]


def _histogram(result: Replay, cut: Thresholds) -> str:
    """Scores as bars, in grey where no truth is known, and the thresholds."""
    scored = [(one.score, one) for one in result.inspections if one.score is not None]
    if not scored:
        return ""
    groups: dict[str, list[float]] = {}
    for score, one in scored:
        groups.setdefault(_colour(one), []).append(score)
    edges = np.linspace(0, 1, _BINS + 1)
    counts = {colour: np.histogram(scores, edges)[0] for colour, scores in groups.items()}
    highest = int(np.sum(list(counts.values()), axis=0).max())
    bars, floor = [], np.zeros(_BINS)
    for colour, heights in counts.items():
        for place, count in enumerate(heights):
            if count:
                top = _HEIGHT * (floor[place] + count) / highest
                bars.append(_bar(place, top, _HEIGHT * count / highest, colour))
        floor = floor + heights
    lines = "".join(
        f'<line x1="{x * _WIDTH:.1f}" x2="{x * _WIDTH:.1f}" y1="0" y2="{_HEIGHT}" stroke="{INK}" '
        'stroke-dasharray="4"/>'
        for x in sorted({cut.ok_below, cut.defect_from})
    )
    marks = "".join(
        f'<text x="{x * _WIDTH:.0f}" y="{_HEIGHT + _BELOW - 4}" font-size="12" fill="{INK}" '
        f'text-anchor="{anchor}">{x:g}</text>'
        for x, anchor in ((0, "start"), (0.5, "middle"), (1, "end"))
    )
    picture = (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT + _BELOW}" role="img" aria-label="scores">'
        f"{''.join(bars)}{lines}{marks}</svg>"
    )
    said = "good green, defective orange, no known truth grey; dashed: the thresholds"
    return f'{row([picture])}<p class="small">{in_html(said)}; the highest bar is {highest} images</p>'


def _bar(place: int, top: float, height: float, colour: str) -> str:
    wide = _WIDTH / _BINS
    return (
        f'<rect x="{place * wide + 0.5:.1f}" y="{_HEIGHT - top:.1f}" width="{wide - 1:.1f}" '
        f'height="{height:.1f}" fill="{colour}"/>'
    )


def _colour(record: Record) -> str:
    if record.label is None:
        return INK
    return GOOD if record.label.casefold() == "ok" else BAD


def _pictures(title: str, pictures: Sequence[Picture], of: int | None = None) -> str:
    more = f" ({len(pictures)} of {of})" if of is not None and of > len(pictures) else ""
    return section(
        title + more, row([captioned(picture.images, _caption(picture.record)) for picture in pictures])
    )


def _caption(record: Record) -> str:
    truth = f", is {record.label}" if record.label is not None else ""
    score = f", score {record.score:.3f}" if record.score is not None else ""
    verdict, named = record.verdict.value, record.predicted
    said = verdict if named in (None, verdict) else f"{verdict} ({named})"
    return f"{record.file}{truth}; said {said}{score}"


def _beside(report: Report) -> str:
    found = report.comparison
    if found is None:
        return ""
    rows = [
        (
            ours.file,
            ours.label or "",
            f"{ours.verdict.value} {_number(ours.score)}",
            f"{theirs.verdict.value} {_number(theirs.score)}",
        )
        for ours, theirs in found.differing[:_DIFFERENCES]
    ]
    more = len(found.differing) - len(rows)
    return section(
        "Beside another bundle",
        paragraph(f"{in_words(found)}."),
        paragraph(f"The other bundle: {found.other.bundle_sha256}", "small"),
        table(("image", "truth", "this one", "the other"), rows, words=4) if rows else "",
        paragraph(f"… and {more} more.") if more else "",
    )


def _number(score: float | None) -> str:
    return "" if score is None else f"{score:.3f}"


def _times(report: Report) -> str:
    latency = report.replay.document()["latency_ms"]
    rows = [("this bundle", *(f"{latency[name]:.2f}" for name in ("p50", "p95", "p99")))]
    if report.comparison is not None:
        other = report.comparison.other.document()["latency_ms"]
        rows.append(("the other", *(f"{other[name]:.2f}" for name in ("p50", "p95", "p99"))))
    return table(("frame to decision, ms", "median", "95 %", "99 %"), rows)


def _left_out(result: Replay) -> str:
    if not result.left_out:
        return ""
    lines = "\n".join(map(str, result.left_out))
    return folded(f"{counted(len(result.left_out), 'file')} left out", f"<pre>{in_html(lines)}</pre>")


def _bundle(inspector: Inspector, result: Replay) -> str:
    manifest, cut = inspector.manifest, inspector.thresholds
    shown, region = inspector.spec, inspector.region
    rows = [
        ("bundle", f"{manifest.model_name}, {result.bundle_sha256}"),
        ("recipe", inspector.recipe),
        ("classes", ", ".join(manifest.classes)),
        ("input", f"{shown.width}x{shown.height}, {'grey' if shown.channels == 1 else 'colour'}"),
        ("region", "the whole picture" if region is None else str(region)),
        ("ok below, defect from", f"{cut.ok_below:.4g}, {cut.defect_from:.4g}"),
        ("laid out as", result.layout or "no folders that tell a truth"),
        ("versions", ", ".join(f"{name} {version}" for name, version in versions().items())),
    ]
    return table(("", ""), rows, words=2)
