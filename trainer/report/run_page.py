"""RUN/report.html: for the engineer who has to show what the model can do."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.core.foreign_text import in_html
from edge.core.html_page import folded, paragraph, percent, row, section, table, write_page
from edge.core.metrics import Metrics
from edge.core.photographs.census import Census
from edge.core.photographs.tree import PARTS
from edge.core.words import counted
from trainer.dataset import Dataset
from trainer.evaluation import Decisions, Evaluation
from trainer.explain import explain
from trainer.groups import COPIES_FOUND
from trainer.intervals import Measured
from trainer.models.heatmap import heat_of, logits_alone
from trainer.network_cost import NetworkCost, network_cost
from trainer.operating_point import LineFigures
from trainer.report import charts
from trainer.report.audit_page import shortcuts
from trainer.report.page import drawing, heated, photograph, side_by_side
from trainer.report.sizes import tried_sizes
from trainer.run import FileLabel, Run
from trainer.text import NAMES, with_interval

REPORT_FILE = "report.html"
_EXAMPLES, _MISTAKES, _RIGHT, _SUSPECTS, _PAIRS, _REFERENCE = 6, 24, 6, 24, 12, 64


@dataclass(frozen=True)
class Judged:
    """Photographs that the network decided and never learned from, in the order of ``found``."""

    dataset: Dataset
    network: Any
    found: Decisions


def write_report(
    path: Path,
    run: Run,
    judged: Judged,
    tested: Judged | None,
    history: dict[str, list[float]],
    steps_are: str,
) -> None:
    """Write the report of a run; ``judged``: what was held out, ``tested``: photographs kept apart."""
    data, results = Path(run.data), run.results
    steps = "epoch" if steps_are == "epoch" else "fold"
    curves = [drawing(charts.learning(history, name, steps_are=steps)) for name in ("loss", "accuracy")]
    sections = [
        _summary(run),
        *_classes(run, data),
        *(_metrics(results.held_out, results.held_out_details, f"On unseen parts: {run.held_out_are}")),
        _folds(run.results.folds),
        *(_metrics(results.test, results.test_details, "On the test images") if results.test else []),
        *_scores(run, judged.found, results.held_out_details),
        tried_sizes(run),
        _enough(run),
        section("Learning", row(curves)),
        *_decided(judged, run.thresholds.ok_below),
        *(_decided(tested, run.thresholds.ok_below, " on the test images") if tested else []),
        _suspects(run, data),
        _copies(run, data),
        shortcuts(run.shortcuts),
        _network(network_cost(logits_alone(judged.network)), run),
        section("To repeat this run", f"<pre>{in_html(_recipe(run))}</pre>"),
    ]
    write_page(path, f"{path.parent.name}: Linegate report", sections)


def write_evaluation(
    path: Path, run: Run, judged: Judged, metrics: Metrics, details: Evaluation, data: Path, files: Census
) -> None:
    """Write how a run decides on other photographs."""
    sections = [
        f"<h1>{in_html(data.name)}, by a model that learned from {in_html(_data_set(run))}</h1>",
        _headline(metrics, details),
        paragraph(f"{files}."),
        *_metrics(metrics, details, "Figures"),
        *_scores(run, judged.found, details),
        *_decided(judged, run.thresholds.ok_below),
    ]
    write_page(path, f"{data.name}: Linegate evaluation", sections)


def _data_set(run: Run) -> str:
    """The folder's name, with the one above it where it only says "train"."""
    data = Path(run.data)
    return f"{data.parent.name}/{data.name}" if data.name.lower() in PARTS else data.name


def _summary(run: Run) -> str:
    ok = run.ok_class or "none: all classes are defects"
    warnings = list(run.warnings)
    if run.split.startswith("random"):
        warnings.append(
            "A random split may hold copies of training images: take the figures as the best case. "
            "trainer audit tells."
        )
    warnings += [probe.in_words() for probe in run.shortcuts if probe.is_suspicious]
    left_out = [[file, reason] for file, reason in run.left_out.items()]
    return "".join(
        [
            f"<h1>{in_html(_data_set(run))}</h1>",
            _headline(run.results.held_out, run.results.held_out_details),
            paragraph(f"Split: {run.split}. Threshold: {run.thresholds.chosen}."),
            paragraph(f"Classes: {', '.join(run.classes)}; OK: {ok}. Laid out as {run.layout}."),
            *(paragraph(warning, "warning") for warning in warnings),
            paragraph(f"{run.files}.") if run.files is not None else "",
            folded(f"{counted(len(left_out), 'file')} left out", table(["file", "why"], left_out, words=2))
            if left_out
            else "",
        ]
    )


def _headline(metrics: Metrics, details: Evaluation | None) -> str:
    accuracy = details.measured["accuracy"] if details else Measured(value=metrics.accuracy)
    parts = f" of {details.parts} parts" if details else ""
    return paragraph(
        f"{metrics.correct} of {metrics.images} images{parts} right: {_share(accuracy)}; "
        f"{counted(metrics.escapes, 'escape')}, {metrics.overkill} overkill, {metrics.unsure} unsure.",
        "headline",
    )


def _classes(run: Run, data: Path) -> list[str]:
    parts = []
    for name in run.classes:
        train, held = run.photographs.train.get(name, 0), run.photographs.validation.get(name, 0)
        files = [item for item in run.train if item.label == name]
        step = max(1, len(files) // _EXAMPLES)
        shown = [photograph(data / item.file, item.file) for item in files[::step][:_EXAMPLES]]
        held_words = f"{held} held out in turn" if run.photographs.held_out_in_turn else f"{held} held back"
        parts.append(f"<h3>{in_html(name)}: {train} to learn from, {held_words}</h3>{row(shown)}")
    return [section("What it learned from", *parts)]


def _metrics(metrics: Metrics, details: Evaluation | None, title: str) -> list[str]:
    if details is None:
        return []
    overall = [
        [name, *_interval_cells(details.measured[key], 4)]
        for key, name in NAMES.items()
        if key in details.measured
    ]
    classes = [
        [
            name,
            str(metrics.per_class[name].images),
            str(one.parts),
            *(_share(value) for value in (one.precision, one.recall, one.f1)),
        ]
        for name, one in details.per_class_measured.items()
    ]
    return [
        section(
            title,
            row([table(["", "figure", "95 % interval"], overall), drawing(charts.confusion(metrics))]),
            table(["class", "images", "parts", "precision", "recall", "F1"], classes),
            paragraph(
                f"Intervals count {details.parts} parts, not photographs: images of one part stand or fall "
                f"together. {details.few_parts()}",
                "small",
            ),
            _worst_parts(metrics, details),
        )
    ]


def _worst_parts(metrics: Metrics, details: Evaluation) -> str:
    if not details.worst_parts or details.parts == metrics.images:
        return ""
    rows = [
        [part.file, part.label, str(part.part), f"{part.right} of {part.images}"]
        for part in details.worst_parts
    ]
    return folded(
        f"{details.parts_with_mistakes} of {details.parts} parts have mistakes; the worst of them",
        table(["one of its images", "class", "part", "right"], rows, words=2),
    )


def _folds(folds: Sequence[Metrics]) -> str:
    if not folds:
        return ""
    names = ("accuracy", "balanced_accuracy", "auroc")
    rows = [
        [
            str(number),
            str(fold.images),
            *(_decimal(getattr(fold, name)) for name in names),
            str(fold.escapes),
            str(fold.overkill),
        ]
        for number, fold in enumerate(folds, 1)
    ]
    known = {name: [v for fold in folds if (v := getattr(fold, name)) is not None] for name in names}
    means = [_decimal(float(np.mean(values)) if values else None) for values in known.values()]
    images, escapes, overkill = (sum(getattr(f, n) for f in folds) for n in ("images", "escapes", "overkill"))
    rows.append(["mean or sum", str(images), *means, str(escapes), str(overkill)])
    head = ["fold", "images", "accuracy", "balanced", "AUROC", "escapes", "overkill"]
    return section("Cross-validation: each fold by a model that saw none of its parts", table(head, rows))


def _enough(run: Run) -> str:
    """The number of parts that are enough."""
    title = "Are there enough parts?"
    if run.learning_curve is None:
        few = "Too few parts to say what more would give." if run.photographs.held_out_in_turn else ""
        return section(title, paragraph(few)) if few else ""
    picture = row([drawing(charts.learning_curve(run.learning_curve))])
    return section(title, paragraph(run.learning_curve.in_words()), picture)


def _scores(run: Run, found: Decisions, details: Evaluation | None) -> list[str]:
    bins = details.calibration if details else []
    is_defect = found.labels != found.ok_index
    drawings, said = [], "the most probable class is right"
    if found.ok_index is not None and is_defect.any() and not is_defect.all():
        cut = run.thresholds
        drawings = [
            drawing(draw(found.scores, is_defect, cut))
            for draw in (charts.histogram, charts.roc_curve, charts.precision_recall_curve)
        ]
    if found.task != "classes":
        said = "the part is defective"
    drawings.append(drawing(charts.reliability(bins, of=said)))
    line = details.line if details else None
    return [section("Scores and thresholds", row(drawings)), _line(line, run) if line else ""]


def _line(line: LineFigures, run: Run) -> str:
    costs = line.costs
    rows = [
        [name, *_interval_cells(value, 2)]
        for name, value in (
            ("cost", line.cost),
            ("escapes", line.escapes),
            ("overkill", line.overkill),
            ("unsure, which count as rejected", line.unsure),
        )
    ]
    rows += [
        ["cost if all parts pass", f"{line.cost_passing_all:.2f}", ""],
        ["cost if none passes", f"{line.cost_rejecting_all:.2f}", ""],
    ]
    expected = (
        f"Of the rejected parts {_share(line.precision)} are defective; {_share(line.decided)} are decided."
    )
    return section(
        "On the line",
        paragraph(
            f"Of 1,000 parts, {costs.defect_rate:.2%} of them defective; an escape costs {costs.escape:g}, "
            f"overkill {costs.overkill:g}."
        ),
        table(["", "of 1,000 parts", "95 % interval"], rows),
        paragraph(expected),
        row([drawing(charts.cost_curve(line, run.thresholds)), drawing(charts.coverage_curve(line))]),
    )


def _decided(judged: Judged, cut: float, where: str = "") -> list[str]:
    """The worst mistakes and some right decisions, each with the places that speak for it."""
    found = judged.found
    wrong, right = np.flatnonzero(~found.is_right), np.flatnonzero(found.is_right & _asks(found))
    if found.task == "classes":
        worst = wrong[np.argsort(found.certainty[wrong], kind="stable")]
    else:
        worst = wrong[np.argsort(-np.abs(found.scores[wrong] - cut), kind="stable")]
    right = right[:: max(1, len(right) // _RIGHT)][:_RIGHT]
    asked = "the class that it was taken for" if found.task == "classes" else "a defect"
    legend = paragraph(
        f"On the right what the network saw; orange speaks for {asked}. Green outlines the defect where a "
        "mask is known.",
        "small",
    )
    if not len(worst):
        mistakes = section(f"Mistakes{where}", paragraph("None among these images."))
    else:
        title = f"Mistakes{where}: {len(wrong)} of {len(found.labels)}, the worst first"
        mistakes = section(title, legend, row(_shown(judged, worst[:_MISTAKES])))
    rest = section(f"Right decisions{where}", legend, row(_shown(judged, right))) if len(right) else ""
    return [mistakes, rest]


def _asks(found: Decisions) -> NDArray[np.bool_]:
    """Where there is something to see: the defects, where there is an OK class."""
    return (
        np.asarray(found.labels != found.ok_index)
        if found.ok_index is not None
        else np.ones_like(found.is_right)
    )


def _shown(judged: Judged, positions: NDArray[np.int64]) -> list[str]:
    dataset, found = judged.dataset, judged.found
    pixels = np.asarray(dataset.pixels[positions])
    outputs = found.taken_for[positions] if found.task == "classes" else np.zeros(len(positions), np.int64)
    heat = _heat(judged, pixels, outputs)
    shown = []
    for number, position in enumerate(positions.tolist()):
        item = dataset.photographs[position]
        taken = found.classes[int(found.taken_for[position])]
        verdict = "" if found.ok_index is None else f", score {found.scores[position]:.3f}"
        caption = f"{item.file}: {item.label}, taken for {taken}{verdict}"
        seen = heated(pixels[number], heat[number]) if heat is not None else None
        shown.append(photograph(dataset.root / item.file, caption, mask=item.mask, seen=seen))
    return shown


def _heat(
    judged: Judged, pixels: NDArray[np.uint8], outputs: NDArray[np.int64]
) -> NDArray[np.float32] | None:
    """The map that the device will give, where the network has one; else what explains its decision."""
    if len(judged.network.outputs) > 1:
        return heat_of(judged.network, pixels, _reference(judged))
    return explain(judged.network, pixels, outputs, _reference(judged))


def _reference(judged: Judged) -> NDArray[np.uint8]:
    """Some good parts; of all kinds where none is good."""
    found = judged.found
    is_good = found.labels == found.ok_index
    positions = np.flatnonzero(is_good if is_good.any() else np.ones_like(is_good))
    step = -(-len(positions) // _REFERENCE)
    return np.asarray(judged.dataset.pixels[positions[::step]])


def _suspects(run: Run, data: Path) -> str:
    if not run.suspects:
        return ""
    shown = [photograph(data / one.file, one.in_words()) for one in run.suspects[:_SUSPECTS]]
    return section(
        f"Likely mislabelled: {len(run.suspects)}, the clearest first",
        paragraph(
            "Models that never saw these parts are as sure of another class as they usually are when it is "
            "true. Look at them: some are hard parts with the right label, the more the weaker the model."
        ),
        row(shown),
        paragraph(f"run.json lists all {len(run.suspects)}.", "small")
        if len(run.suspects) > _SUSPECTS
        else "",
    )


def _copies(run: Run, data: Path) -> str:
    """The findings of the search for copies: it ran for the split."""
    if COPIES_FOUND not in run.split:
        return ""
    groups: dict[int, list[FileLabel]] = {}
    for item in {one.file: one for one in (*run.train, *run.held_out)}.values():
        groups.setdefault(item.group, []).append(item)
    copied = sorted((group for group in groups.values() if len(group) > 1), key=len, reverse=True)
    torn = [group for group in copied if len({item.label for item in group}) > 1]
    images = sum(map(len, copied))
    words = paragraph(
        f"{images} of {sum(map(len, groups.values()))} images have copies among the others; there are "
        f"{len(groups)} different pictures. Copies were kept on one side of the split. trainer audit looks "
        "for shortcuts and unreadable files as well."
    )
    pairs = [_torn_pair(group, data) for group in torn[:_PAIRS]]
    largest = [
        side_by_side(data / group[0].file, data / group[1].file, _pair_words(group, group[0], group[1]))
        for group in copied[:3]
    ]
    warning = f"{len(torn)} pictures stand under more than one label:"
    return section(
        "Copies",
        words,
        paragraph(warning, "warning") + row(pairs) if torn else "",
        row(largest),
    )


def _torn_pair(group: list[FileLabel], data: Path) -> str:
    first = group[0]
    other = next(item for item in group if item.label != first.label)
    return side_by_side(data / first.file, data / other.file, _pair_words(group, first, other))


def _pair_words(group: list[FileLabel], first: FileLabel, second: FileLabel) -> str:
    more = f", and {len(group) - 2} more" if len(group) > 2 else ""
    return f"{first.file} ({first.label}) and {second.file} ({second.label}){more}"


def _network(cost: NetworkCost, run: Run) -> str:
    rows = [
        [
            layer.name,
            layer.kind,
            " x ".join(map(str, layer.shape)),
            f"{layer.parameters:,}",
            f"{layer.multiply_adds:,}",
        ]
        for layer in cost.layers
    ]
    head = ["layer", "kind", "output", "parameters", "multiply-adds"]
    spec = run.input
    return section(
        "The network",
        paragraph(
            f"{run.model_name}: {cost.parameters:,} parameters, {cost.multiply_adds / 1e6:.1f} million "
            f"multiply-adds for an image of {spec.width} x {spec.height} x {spec.channels}; "
            f"{cost.milliseconds:.1f} ms by Keras on the machine that trained, in float. Learned in "
            f"{run.training['seconds']} s."
        ),
        folded(f"{len(rows)} layers", table(head, rows, words=2)),
    )


def _recipe(run: Run) -> str:
    record = run.model_dump(
        exclude={"train", "held_out", "left_out", "results", "photographs", "suspects", "shortcuts"},
        mode="json",
    )
    return json.dumps({**record, "fingerprint": run.photographs.fingerprint}, indent=1)


def _share(measured: Measured) -> str:
    if measured.value is None:
        return "-"
    return f"{percent(measured.value)} ({percent(measured.low)} to {percent(measured.high)})"


def _interval_cells(measured: Measured, digits: int) -> list[str]:
    figure, _, interval = with_interval(measured, digits).partition("  ")
    return [figure, interval]


def _decimal(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
