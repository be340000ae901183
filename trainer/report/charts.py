"""The drawings of a page, each on matplotlib axes."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.core.decision import Thresholds
from edge.core.foreign_text import one_line
from edge.core.html_page import BAD, GOOD, INK
from edge.core.metrics import Metrics
from trainer.curves import precision_recall, roc
from trainer.evaluation import Bin
from trainer.learning_curve import LearningCurve
from trainer.operating_point import LineFigures

Scores = NDArray[np.float64]
IsDefect = NDArray[np.bool_]
Draw = Callable[[Any], None]


def histogram(scores: Scores, is_defect: IsDefect, cut: Thresholds) -> Draw:
    """The scores of good and of defective parts, and the threshold or the unsure band."""

    def draw(axes: Any) -> None:
        bins = np.linspace(0, 1, 41)
        axes.hist(scores[~is_defect], bins, alpha=0.7, color=GOOD, label="OK")
        axes.hist(scores[is_defect], bins, alpha=0.7, color=BAD, label="defective")
        if cut.ok_below < cut.defect_from:
            axes.axvspan(cut.ok_below, cut.defect_from, color=INK, alpha=0.3, label="unsure")
        axes.axvline(cut.defect_from, color=INK, linestyle="--")
        axes.set_yscale("symlog")
        axes.yaxis.set_major_formatter("{x:g}")  # others would write powers, which are not drawn as such
        axes.set(xlabel="score", ylabel="images", title="scores, and the threshold")
        _legend(axes)

    return draw


def roc_curve(scores: Scores, is_defect: IsDefect, cut: Thresholds) -> Draw:
    """ROC with the operating point."""

    def draw(axes: Any) -> None:
        curve = roc(scores, is_defect)
        rejected = scores >= cut.ok_below
        axes.plot(curve.x, curve.y, color=BAD)
        axes.plot(rejected[~is_defect].mean(), rejected[is_defect].mean(), "o", color=INK, label="chosen")
        axes.set(xlabel="good parts rejected", ylabel="defects found", title=f"ROC, area {curve.area:.4f}")
        _legend(axes)

    return draw


def precision_recall_curve(scores: Scores, is_defect: IsDefect, cut: Thresholds) -> Draw:
    """Precision and recall with the operating point."""

    def draw(axes: Any) -> None:
        curve = precision_recall(scores, is_defect)
        rejected = scores >= cut.ok_below
        axes.plot(curve.x, curve.y, color=BAD)
        if rejected.any():
            axes.plot(rejected[is_defect].mean(), is_defect[rejected].mean(), "o", color=INK, label="chosen")
        title = f"precision and recall, area {curve.area:.4f}"
        axes.set(xlabel="defects found", ylabel="defective of rejected", title=title, ylim=(0, 1.02))
        _legend(axes)

    return draw


def learning_curve(curve: LearningCurve) -> Draw:
    """Held-out errors with fewer parts, and what is expected of twice as many, with intervals."""

    def draw(axes: Any) -> None:
        for points, color, label in ((curve.points, INK, "held out"), ([curve.expected], BAD, "expected")):
            values = np.array([one.error.value or 0.0 for one in points])
            low = values - [one.error.low or 0.0 for one in points]
            high = np.array([one.error.high or 0.0 for one in points]) - values
            parts = [one.parts for one in points]
            axes.errorbar(parts, values, [low, high], fmt="o", color=color, capsize=3, label=label)
        axes.set(xlabel="parts", ylabel="area above ROC", title="what more parts teach", xscale="log")
        axes.set_xticks([one.parts for one in (*curve.points, curve.expected)])
        axes.set_xticks([], minor=True)
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set_ylim(bottom=0)
        _legend(axes)

    return draw


def reliability(bins: list[Bin], *, of: str) -> Draw:
    """The stated probabilities beside the shares that came true, with intervals."""

    def draw(axes: Any) -> None:
        known = [one for one in bins if one.was.low is not None and one.was.high is not None]
        said = [one.said for one in known]
        was = [one.was.value or 0.0 for one in known]
        ends = [[w - (one.was.low or 0.0) for w, one in zip(was, known, strict=True)]]
        ends.append([(one.was.high or 0.0) - w for w, one in zip(was, known, strict=True)])
        axes.plot([0, 1], [0, 1], color=INK, linestyle="--", label="honest")
        axes.errorbar(said, was, yerr=np.maximum(ends, 0), fmt="o", color=BAD, capsize=3)
        axes.set(
            xlabel=f"said: {one_line(of)}",
            ylabel="share that was so",
            title="calibration",
            ylim=(-0.02, 1.02),
        )
        _legend(axes)

    return draw


def cost_curve(line: LineFigures, cut: Thresholds) -> Draw:
    """The cost of 1,000 parts at every single threshold."""

    def draw(axes: Any) -> None:
        thresholds, costs = np.array(line.cost_curve).T
        axes.step(thresholds, costs, where="mid", color=BAD, label="one threshold")
        if cut.ok_below < cut.defect_from:
            axes.axvspan(cut.ok_below, cut.defect_from, color=INK, alpha=0.3, label="unsure")
        axes.plot(cut.ok_below, line.cost.value, "o", color=INK, label="chosen")
        axes.set(xlabel="threshold", ylabel="cost of 1,000 parts", title="cost", ylim=(0, None), xlim=(0, 1))
        _legend(axes)

    return draw


def coverage_curve(line: LineFigures) -> Draw:
    """The share of parts that are decided, and of these the wrong ones, for bands of any width."""

    def draw(axes: Any) -> None:
        decided, wrong = np.array(line.coverage_curve).T
        axes.plot(100 * decided, 100 * wrong, color=BAD, label="bands of any width")
        if line.decided.value is not None and line.error_decided is not None:
            axes.plot(100 * line.decided.value, 100 * line.error_decided, "o", color=INK, label="chosen")
        axes.set(xlabel="% of parts decided", ylabel="% of these wrong", title="the unsure band")
        _legend(axes)

    return draw


def learning(history: dict[str, list[float]], name: str, *, steps_are: str) -> Draw:
    """Loss or accuracy over epochs or folds."""

    def draw(axes: Any) -> None:
        steps = range(1, len(history[name]) + 1)
        style = "-" if steps_are == "epoch" else "o"
        axes.plot(steps, history[name], style, color=GOOD, label="training")
        axes.plot(steps, history[f"val_{name}"], style, color=BAD, label="held out")
        axes.set(xlabel=steps_are, ylabel=name)
        axes.xaxis.get_major_locator().set_params(integer=True)
        _legend(axes)

    return draw


def confusion(metrics: Metrics) -> Draw:
    """Counts of images of each class by the class they were taken for."""

    def draw(axes: Any) -> None:
        labels, columns = list(metrics.confusion), list(next(iter(metrics.confusion.values())))
        counts = np.array([[metrics.confusion[label][name] for name in columns] for label in labels])
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        for (y, x), count in np.ndenumerate(counts):
            axes.text(x, y, str(count), ha="center", va="center", color="w" if shares[y, x] > 0.5 else "k")
        axes.set_xticks(
            range(len(columns)), list(map(one_line, columns)), rotation=30 if len(columns) > 3 else 0
        )
        axes.set_yticks(range(len(labels)), list(map(one_line, labels)))
        axes.set(xlabel="taken for", ylabel="label", title="confusion")

    return draw


def _legend(axes: Any) -> None:
    if axes.get_legend_handles_labels()[0]:
        axes.legend(labelcolor=INK, framealpha=0)
