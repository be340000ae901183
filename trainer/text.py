"""Figures for people, in a terminal."""

from edge.core.metrics import Metrics
from trainer.evaluation import Evaluation
from trainer.intervals import Measured
from trainer.operating_point import LineFigures

NAMES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "auroc": "area under ROC",
    "average_precision": "average precision",
    "escape_rate": "escapes, of defective",
    "overkill_rate": "overkill, of good",
    "loss": "loss",
    "brier": "Brier score",
    "calibration_error": "calibration error",
}
_WORST = 5


def metrics_table(metrics: Metrics, details: Evaluation | None) -> str:
    """All figures with their intervals; runs of earlier versions have none."""
    if details is None:
        return f"  {metrics.correct} of {metrics.images} images right"
    lines = [
        f"  {metrics.correct} of {metrics.images} images right, {details.parts} parts; "
        f"{metrics.escapes} escapes, {metrics.overkill} overkill, {metrics.unsure} unsure",
        f"  {'':<22} figure  95 % interval over parts",
    ]
    lines += [
        f"  {name:<22} {with_interval(details.measured[key])}"
        for key, name in NAMES.items()
        if key in details.measured
    ]
    lines += ["", *_classes(metrics, details)]
    if details.few_parts():
        lines.append(f"  {details.few_parts()}")
    if details.line is not None:
        lines += ["", *_line(details.line)]
    if details.worst_parts and details.parts < metrics.images:
        lines += ["", f"  {details.parts_with_mistakes} of {details.parts} parts have mistakes; the worst:"]
        lines += [
            f"    {part.right} of {part.images} images right: part {part.part}, {part.label}, {part.file}"
            for part in details.worst_parts[:_WORST]
        ]
    return "\n".join(lines)


def with_interval(measured: Measured, digits: int = 4) -> str:
    """The figure and its interval; "-" where there is none."""
    if measured.value is None:
        return "-"
    if measured.low is None or measured.high is None:
        return f"{measured.value:.{digits}f}"
    return f"{measured.value:.{digits}f}  {measured.low:.{digits}f} to {measured.high:.{digits}f}"


def _classes(metrics: Metrics, details: Evaluation) -> list[str]:
    width = max(len("class"), *(len(name) for name in metrics.per_class))
    lines = [f"  {'class':<{width}}  images  parts  {'precision':<24} {'recall':<24} {'F1':<24} taken for"]
    for name, values in metrics.per_class.items():
        row = ", ".join(f"{count} {column}" for column, count in metrics.confusion[name].items() if count)
        one = details.per_class_measured[name]
        cells = " ".join(f"{with_interval(value):<24}" for value in (one.precision, one.recall, one.f1))
        lines.append(f"  {name:<{width}}  {values.images:6}  {one.parts:5}  {cells} {row}")
    return lines + _unknown_kinds(metrics)


def _unknown_kinds(metrics: Metrics) -> list[str]:
    kinds = {
        name: sum(row.values()) for name, row in metrics.confusion.items() if name not in metrics.per_class
    }
    if not kinds:
        return []
    named = ", ".join(f"{name} ({count})" for name, count in kinds.items())
    return [f"  of kinds that the run does not know, where each that passes is an escape: {named}"]


def _line(line: LineFigures) -> list[str]:
    costs = line.costs
    rows = {
        "cost": line.cost,
        "escapes": line.escapes,
        "overkill": line.overkill,
        "unsure": line.unsure,
    }
    return [
        f"  of 1,000 parts on a line with {costs.defect_rate:.2%} defective "
        f"(an escape costs {costs.escape:g}, overkill {costs.overkill:g})",
        *(f"  {name:<22} {with_interval(value, 2)}" for name, value in rows.items()),
        f"  without a model: {line.cost_passing_all:.2f} if all pass, {line.cost_rejecting_all:.2f} if none",
        f"  {'defective of rejected':<22} {with_interval(line.precision)}",
        f"  {'decided, not unsure':<22} {with_interval(line.decided)}",
    ]
