"""RUN/report.html: one file for the engineer who has to show what the model can do; opens without network."""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from io import StringIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.decision import Thresholds, Verdict, decide, has_one_logit
from edge.errors import ImageError
from edge.figures import Figures
from edge.images import read_image
from trainer.curves import precision_recall, roc
from trainer.run import Run

REPORT_FILE = "report.html"
_INK = "#808890"  # readable on white and on black
_GOOD, _BAD = "#2a9d8f", "#e0653a"
_EXAMPLES, _MISTAKES, _THUMBNAIL = 6, 24, 160
_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 0 auto; padding: 1rem; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 2.5rem; }
.wide { overflow-x: auto; } table { border-collapse: collapse; }
th, td { padding: .3rem .8rem .3rem 0; text-align: left; border-bottom: 1px solid #8884; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
.warning { border-left: 4px solid #e0653a; padding: .4rem .8rem; background: #e0653a22; }
.row { display: flex; flex-wrap: wrap; gap: .8rem; }
.row > svg { flex: 1 1 20rem; max-width: 30rem; height: auto; }
figure { margin: 0; width: 10rem; } figure img { width: 100%; border-radius: 4px; }
figcaption { font-size: .8rem; overflow-wrap: anywhere; color: #808890; }
pre { overflow-x: auto; font-size: .8rem; }
"""


@dataclass(frozen=True)
class Scored:
    """One validation photograph: its score (0 to 1) and the class that the model takes it for."""

    file: str
    label: str
    score: float
    predicted: str


def write_report(run: Run, scored: Sequence[Scored], history: dict[str, list[float]], out: Path) -> None:
    """Write the report of a run into its folder; ``scored`` are the validation photographs."""
    data = Path(run.data)
    sections = [
        _summary(run),
        _classes(run, data),
        _figures_table(run.results.validation, "On the validation images"),
        _folds(run),
        _curves(run, scored),
        _learning(history),
        _mistakes(run, scored, data),
        f"<h2>To repeat this run</h2><pre>{escape(_recipe(run))}</pre>",
    ]
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(out.name)}: Linegate report</title><style>{_STYLE}</style>"
        f"{''.join(sections)}</html>\n"
    )
    (out / REPORT_FILE).write_text(page, encoding="utf-8")


def _summary(run: Run) -> str:
    figures = run.results.validation
    ok = run.ok_class or "none: all classes are defects"
    lines = [
        f"<h1>{escape(Path(run.data).name)}</h1>",
        f"<p>{_share(figures.correct, figures.images)} of {figures.images} validation images right "
        f"(95 % interval {_percent(figures.accuracy_low)} to {_percent(figures.accuracy_high)}), "
        f"{figures.escapes} escapes, {figures.overkill} overkill. Split: {escape(run.split)}.</p>",
        f"<p>Classes: {escape(', '.join(run.classes))}; OK: {escape(ok)}. Laid out as {escape(run.layout)}. "
        f"{len(run.left_out)} files left out.</p>",
    ]
    warnings = list(run.warnings)
    if run.split.startswith("random"):
        warnings.append(
            "A random split may hold copies of training images: take the figures as the best case. "
            "trainer audit tells."
        )
    lines += [f'<p class="warning">{escape(warning)}</p>' for warning in warnings]
    return "".join(lines)


def _classes(run: Run, data: Path) -> str:
    parts = ["<h2>What it learned from</h2>"]
    for name in run.classes:
        train, held = run.photographs.train.get(name, 0), run.photographs.validation.get(name, 0)
        files = [item.file for item in run.train if item.label == name]
        step = max(1, len(files) // _EXAMPLES)
        shown = "".join(_figure(data / file, file) for file in files[::step][:_EXAMPLES])
        parts.append(
            f'<h3>{escape(name)}: {train} to learn, {held} held back</h3><div class="row">{shown}</div>'
        )
    return "".join(parts)


def _figures_table(figures: Figures, title: str) -> str:
    head = "".join(
        f'<th class="number">{escape(name)}</th>' for name in next(iter(figures.confusion.values()))
    )
    rows = []
    for name, one in figures.per_class.items():
        counts = "".join(f'<td class="number">{count}</td>' for count in figures.confusion[name].values())
        values = "".join(
            f'<td class="number">{_percent(v)}</td>' for v in (one.precision, one.recall, one.f1)
        )
        rows.append(f'<tr><td>{escape(name)}</td><td class="number">{one.images}</td>{values}{counts}</tr>')
    others = {
        "balanced accuracy": _percent(figures.balanced_accuracy),
        "AUROC": "-" if figures.auroc is None else f"{figures.auroc:.4f}",
        "macro F1": _percent(figures.macro_f1),
        "unsure": str(figures.unsure),
    }
    return (
        f"<h2>{title}</h2><p>{', '.join(f'{name} {value}' for name, value in others.items())}</p>"
        '<div class="wide"><table><tr><th>class</th><th class="number">images</th>'
        '<th class="number">precision</th>'
        f'<th class="number">recall</th><th class="number">F1</th>{head}</tr>{"".join(rows)}</table></div>'
        "<p>The columns on the right count what the images of each class were taken for.</p>"
    )


def _folds(run: Run) -> str:
    if not run.results.folds:
        return ""
    rows = "".join(
        f'<tr><td class="number">{number}</td><td class="number">{fold.images}</td>'
        f'<td class="number">{_percent(fold.accuracy)}</td>'
        f'<td class="number">{_percent(fold.balanced_accuracy)}</td>'
        f'<td class="number">{"-" if fold.auroc is None else f"{fold.auroc:.4f}"}</td>'
        f'<td class="number">{fold.escapes}</td><td class="number">{fold.overkill}</td></tr>'
        for number, fold in enumerate(run.results.folds, 1)
    )
    names = ("fold", "images", "right", "balanced", "AUROC", "escapes", "overkill")
    head = "".join(f'<th class="number">{name}</th>' for name in names)
    return (
        "<h2>Cross-validation: each fold by a model that saw none of its parts</h2>"
        f'<div class="wide"><table><tr>{head}</tr>{rows}</table></div>'
    )


def _curves(run: Run, scored: Sequence[Scored]) -> str:
    is_defect = np.array([item.label != run.ok_class for item in scored])
    if run.ok_class is None or len(set(is_defect.tolist())) < 2:
        return ""
    scores = np.array([item.score for item in scored])
    drawings = [
        _draw(lambda axes: _draw_histogram(axes, scores, is_defect, run.thresholds)),
        _draw(lambda axes: _draw_roc(axes, scores, is_defect, run.thresholds)),
        _draw(lambda axes: _draw_precision_recall(axes, scores, is_defect)),
    ]
    chosen = escape(run.thresholds.chosen)
    return (
        f'<h2>Scores and thresholds</h2><p>Threshold: {chosen}.</p><div class="row">{"".join(drawings)}</div>'
    )


def _draw_histogram(
    axes: Any, scores: NDArray[np.float64], is_defect: NDArray[np.bool_], cut: Thresholds
) -> None:
    bins = np.linspace(0, 1, 41)
    axes.hist(scores[~is_defect], bins, alpha=0.7, color=_GOOD, label="OK")
    axes.hist(scores[is_defect], bins, alpha=0.7, color=_BAD, label="defective")
    axes.axvspan(cut.ok_below, cut.defect_from, color=_INK, alpha=0.3)
    axes.axvline(cut.defect_from, color=_INK, linestyle="--")
    axes.set_yscale("symlog")
    axes.set(xlabel="score", ylabel="images", title="scores, and the threshold")
    axes.legend(labelcolor=_INK, framealpha=0)


def _draw_roc(axes: Any, scores: NDArray[np.float64], is_defect: NDArray[np.bool_], cut: Thresholds) -> None:
    curve = roc(scores, is_defect)
    rejected = scores >= cut.ok_below
    axes.plot(curve.x, curve.y, color=_BAD)
    axes.plot(rejected[~is_defect].mean(), rejected[is_defect].mean(), "o", color=_INK)
    axes.set(xlabel="good parts rejected", ylabel="defects found", title=f"ROC, area {curve.area:.4f}")


def _draw_precision_recall(axes: Any, scores: NDArray[np.float64], is_defect: NDArray[np.bool_]) -> None:
    curve = precision_recall(scores, is_defect)
    axes.plot(curve.x, curve.y, color=_BAD)
    title = f"precision and recall, average precision {curve.area:.4f}"
    axes.set(xlabel="defects found", ylabel="defects among the rejected", title=title, ylim=(0, 1.02))


def _learning(history: dict[str, list[float]]) -> str:
    def draw(name: str) -> Callable[[Any], None]:
        def on(axes: Any) -> None:
            steps = range(1, len(history[name]) + 1)
            axes.plot(steps, history[name], "o-", color=_GOOD, label="training")
            axes.plot(steps, history[f"val_{name}"], "o-", color=_BAD, label="held out")
            axes.set(xlabel="epoch or fold", ylabel=name)
            axes.legend(labelcolor=_INK, framealpha=0)

        return on

    drawings = "".join(_draw(draw(name)) for name in ("loss", "accuracy"))
    return f'<h2>Learning</h2><div class="row">{drawings}</div>'


def _mistakes(run: Run, scored: Sequence[Scored], data: Path) -> str:
    wrong = [item for item in scored if _is_wrong(run, item)]
    if not wrong:
        return "<h2>Mistakes</h2><p>None among the validation images.</p>"
    worst = sorted(wrong, key=lambda item: -abs(item.score - run.thresholds.defect_from))[:_MISTAKES]
    shown = "".join(
        _figure(
            data / item.file, f"{item.file}: {item.label}, taken for {item.predicted}, score {item.score:.3f}"
        )
        for item in worst
    )
    return f'<h2>Mistakes: {len(wrong)}, the worst first</h2><div class="row">{shown}</div>'


def _is_wrong(run: Run, item: Scored) -> bool:
    if has_one_logit(run.task):
        return (decide(item.score, run.thresholds) == Verdict.OK) != (item.label == run.ok_class)
    return item.predicted != item.label


def _draw(draw: Callable[[Any], None]) -> str:
    """One drawing as inline SVG, without a background of its own."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    colours = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")
    with rc_context(dict.fromkeys(colours, _INK) | {"svg.hashsalt": "linegate", "svg.fonttype": "none"}):
        figure = Figure(figsize=(5, 3.6), layout="constrained")
        axes = figure.subplots()
        axes.set_facecolor("none")
        draw(axes)
        file = StringIO()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    text = file.getvalue()
    return text[text.index("<svg") :]


def _figure(path: Path, caption: str) -> str:
    try:
        image = read_image(path)
    except ImageError:
        return ""
    height, width = image.shape[:2]
    scale = _THUMBNAIL / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    if small.ndim == 3:
        small = cv2.cvtColor(small, cv2.COLOR_RGB2BGR)
    data = base64.b64encode(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes()).decode()
    words = escape(caption)
    picture = f'<img src="data:image/jpeg;base64,{data}" alt="{words}">'
    return f"<figure>{picture}<figcaption>{words}</figcaption></figure>"


def _recipe(run: Run) -> str:
    record = run.model_dump(exclude={"train", "validation", "left_out", "results", "photographs"})
    return json.dumps({**record, "fingerprint": run.photographs.fingerprint}, indent=1)


def _share(part: int, whole: int) -> str:
    return _percent(part / whole if whole else None)


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.2%}"
