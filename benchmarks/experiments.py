"""`make experiments DATA=…`: what each piece of the default gives, by part; writes docs/pieces.md.

The default was chosen on these data sets with other seeds of the folds: good for comparing pieces
with each other, not for quoting.
"""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.results import machine
from edge.core.figures import Figures
from edge.core.photographs.layouts import read_layout
from trainer.backbones.mobilenet_v1 import MobileNetV1, download
from trainer.dataset import Dataset, load_training_set
from trainer.fit import FitSettings
from trainer.learners.head import HeadLearner
from trainer.learners.learner import Learner
from trainer.learners.one_class import OneClassLearner
from trainer.methods.one_class import GAUSSIANS
from trainer.models.pretrained import LAST, MEANS, MEANS_AND_DEVIATIONS, WITH_PLACES
from trainer.settings import TrainSettings
from trainer.validate import cross_validate
from trainer.weights import AUTO, Weights, find_weights

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "build" / "experiments.json"
DOCUMENT = ROOT / "docs" / "pieces.md"
DATA_SETS = {"plastic_toys": "binary", "magnetic_tile": "binary", "neu": "classes", "casting": "binary"}
SEEDS = (31,)
PIECES = {
    "last features": (160, LAST),
    "means of six blocks": (160, MEANS),
    "and mean positive deviations": (160, MEANS_AND_DEVIATIONS),
    "and the strangest place (the default)": (160, WITH_PLACES),
    "the default at 224 px": (224, WITH_PLACES),
}
ALONE = "the strangest place alone, from OK parts"


def main(argv: list[str] | None = None) -> int:
    """Measure what is not yet measured and write the document; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make experiments", description=__doc__)
    parser.add_argument(
        "data", type=Path, help="a folder that holds casting, magnetic_tile, plastic_toys, neu"
    )
    parser.add_argument("--resume", action="store_true", help="keep what an interrupted run has found")
    arguments = parser.parse_args(argv)
    weights = find_weights(AUTO, download)
    if weights is None:
        sys.exit("no pretrained weights: name a file by LINEGATE_WEIGHTS")
    found = json.loads(KEPT.read_text()) if arguments.resume and KEPT.exists() else {}
    for name, task in DATA_SETS.items():
        for size in (160, 224):
            measure(arguments.data / name, task, size, weights, found)
    DOCUMENT.write_text(document(found, weights), "utf-8")
    return 0


def measure(data: Path, task: str, size: int, weights: Weights, found: dict[str, list[list[float]]]) -> None:
    """Fill ``found`` with (balanced accuracy, AUROC) of each fold, by "data: piece: seed"."""
    settings = TrainSettings(task=task, size=size, folds=5)
    wanted = [piece for piece, (of_size, _) in PIECES.items() if of_size == size]
    wanted += [ALONE] if size == 160 and task == "binary" else []
    keys = [f"{data.name}: {piece}: {seed}" for piece in wanted for seed in SEEDS]
    if all(key in found for key in keys):
        return
    dataset = load_training_set(
        read_layout(data),
        task=task,
        ok_class=None,
        size=size,
        groups=settings.groups,
        threads=settings.threads,
    )
    for piece in wanted:
        for seed in SEEDS:
            key = f"{data.name}: {piece}: {seed}"
            if key in found:
                continue
            print(key, file=sys.stderr)
            chosen = replace(settings, fit=FitSettings(seed=seed))
            learner, seen = learner_of(piece, dataset, weights, chosen)
            found[key] = [figures(fold) for fold in cross_validate(learner, seen, chosen)]
            KEPT.parent.mkdir(exist_ok=True)
            KEPT.write_text(json.dumps(found))


def learner_of(
    piece: str, dataset: Dataset, weights: Weights, settings: TrainSettings
) -> tuple[Learner, Dataset]:
    """Who learns, and the data set with the task that this is."""
    seed = settings.fit.seed
    if piece == ALONE:
        dataset = replace(dataset, task="anomaly")
        return OneClassLearner(dataset, MobileNetV1(weights), GAUSSIANS, seed=seed), dataset
    _, look = PIECES[piece]
    learner = HeadLearner(
        dataset,
        weights,
        look,
        name="experiment",
        seed=seed,
        threads=settings.threads,
    )
    return learner, dataset


def figures(fold: Figures) -> list[float]:
    """Balanced accuracy and AUROC, nan where there is none."""
    return [np.nan if value is None else value for value in (fold.balanced_accuracy, fold.auroc)]


def document(found: dict[str, list[list[float]]], weights: Weights) -> str:
    """The table."""
    rows = []
    for piece in [*PIECES, ALONE]:
        cells = []
        for name in DATA_SETS:
            folds = [f for seed in SEEDS for f in found.get(f"{name}: {piece}: {seed}", [])]
            cells.append(_cell(np.array(folds)) if folds else "")
        rows.append(f"| {piece} | {' | '.join(cells)} |")
    table = "\n".join(rows)
    return f"""\
# What each piece of the default gives

Made by `make experiments DATA=…` ([benchmarks/experiments.py](../benchmarks/experiments.py)) on {machine()}.
Cross-validation by part, 5 folds, by seed {", ".join(map(str, SEEDS))}; weights: {weights.source}.
Balanced accuracy, mean of the folds (worst), and AUROC. The pieces were chosen on these data sets with other
seeds of the folds: compare the rows, do not quote them.

| | {" | ".join(DATA_SETS)} |
| --- |{" --- |" * len(DATA_SETS)}
{table}

The strangest place alone is judged at a threshold for 1 % overkill, the others at the best balanced accuracy.
"""


def _cell(folds: np.ndarray) -> str:
    balanced = f"{folds[:, 0].mean():.3f} ({folds[:, 0].min():.3f})"
    return balanced if np.isnan(folds[:, 1]).any() else f"{balanced}, {folds[:, 1].mean():.3f}"


if __name__ == "__main__":
    sys.exit(main())
