"""Pictures of a run: loss, accuracy, confusion matrix."""

import warnings
from pathlib import Path

from edge.core.foreign_text import one_line
from edge.core.metrics import Metrics


def plot_history(history: dict[str, list[float]], folder: Path, *, steps_are: str) -> None:
    """Write loss.png and accuracy.png over the epochs, or over the folds in which parts were held out."""
    names = ("training", "validation" if steps_are == "epoch" else "held out")
    style = "-" if steps_are == "epoch" else "o"
    from matplotlib.figure import Figure

    for name in ("loss", "accuracy"):
        figure = Figure(figsize=(7, 4), layout="constrained")
        axes = figure.subplots()
        for key, label in zip((name, f"val_{name}"), names, strict=True):
            axes.plot(range(1, len(history[key]) + 1), history[key], style, label=label)
        axes.set(xlabel=steps_are, ylabel=name)
        axes.grid(alpha=0.3)
        axes.legend()
        figure.savefig(folder / f"{name}.png", dpi=120)


def plot_confusion(metrics: Metrics, path: Path) -> None:
    """Write the confusion matrix of the validation images."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    labels = list(metrics.confusion)
    columns = list(next(iter(metrics.confusion.values())))
    counts = [[metrics.confusion[label][column] for column in columns] for label in labels]
    with rc_context({"text.parse_math": False}):  # a class may be named "$4 {and $5"
        side = max(4.0, 0.9 * len(labels) + 2)
        figure = Figure(figsize=(side, side * 0.85), layout="constrained")
        axes = figure.subplots()
        shares = [[count / max(1, sum(row)) for count in row] for row in counts]
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for y, row in enumerate(counts):
            for x, count in enumerate(row):
                axes.text(
                    x,
                    y,
                    str(count),
                    ha="center",
                    va="center",
                    color="white" if shares[y][x] > 0.5 else "black",
                )
        axes.set_xticks(range(len(columns)), list(map(one_line, columns)), rotation=30, ha="right")
        axes.set_yticks(range(len(labels)), list(map(one_line, labels)))
        axes.set(xlabel="predicted", ylabel="true", title=f"{metrics.correct} of {metrics.images} right")
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", "Glyph "
            )  # the font has no such letter; the report has the name
            figure.savefig(path, dpi=120)
