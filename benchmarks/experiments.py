"""`make experiments DATA=…`: what each kind of evidence of the default tells; writes docs/research/pieces.md.

Each backbone at some sizes, in float, with parts held out in turn: the area under ROC of each kind alone, and
of all together.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from benchmarks.results import ROOT, machine
from edge.core.decision import class_probabilities
from edge.core.photographs.layouts import read_layout
from trainer.backbones.backbone import Backbone
from trainer.backbones.find import find_backbones
from trainer.curves import roc
from trainer.dataset import Dataset, load_training_set, resized
from trainer.input_size import Size, input_spec, sizes
from trainer.methods.frozen.feature_maps import build_maps, full_spec
from trainer.methods.frozen.learner import FOLDS, Eyes, hold_out
from trainer.methods.frozen.truth import Truth
from trainer.split import folds_by_group, spread_over_groups

DATA_SETS = ("dagm8/train", "aitex04/train", "insulator/train", "plastic_toys", "magnetic_tile", "casting")
SEED, MOST, THREADS = 51, 600, 2
LARGEST = 512 * 512  # pixels
DOCUMENT = ROOT / "docs" / "research" / "pieces.md"
KEPT = ROOT / "build" / "experiments.json"
KINDS = ("texture", "places", "distance")


def main(argv: list[str] | None = None) -> int:
    """Measure what is not yet measured and write the document; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make experiments", description=__doc__)
    parser.add_argument("data", type=Path, help=f"a folder that holds {', '.join(DATA_SETS)}")
    parser.add_argument("--resume", action="store_true", help="keep what an interrupted run has found")
    arguments = parser.parse_args(argv)
    found: dict[str, list[float]] = {}
    if arguments.resume and KEPT.exists():
        found = json.loads(KEPT.read_text())
    backbones = [one.backbone for one in find_backbones() if one.backbone is not None]
    for name in DATA_SETS:
        dataset = _load(arguments.data / name)
        if dataset.shape is None:
            raise SystemExit(f"{name}: of no known shape")
        for size in (one for one in sizes(dataset.shape) if one.pixels <= LARGEST):
            for backbone in backbones:
                key = f"{name} | {backbone.name} | {size}"
                if key not in found:
                    print(key, file=sys.stderr)
                    found[key] = measure(dataset, backbone, size)
                    KEPT.parent.mkdir(exist_ok=True)
                    KEPT.write_text(json.dumps(found))
    DOCUMENT.write_text(document(found), "utf-8")
    return 0


def _load(folder: Path) -> Dataset:
    layout = read_layout(folder)
    return load_training_set(
        layout, task="binary", ok_class=None, size=None, groups="copies", threads=THREADS
    )


def measure(dataset: Dataset, backbone: Backbone, size: Size) -> list[float]:
    """The area under ROC of each of KINDS, and of all, on at most MOST photographs spread over the parts."""
    at = np.sort(
        np.concatenate(
            [
                spread_over_groups(
                    np.flatnonzero(dataset.labels == label), dataset.groups.numbers, most=MOST // 2, seed=SEED
                )
                for label in (0, 1)
            ]
        )
    )
    shown = resized(dataset, input_spec(size, dataset.spec.channels, "none"), at)
    truth, everything = Truth.of(dataset, at), np.arange(len(at))
    eyes = Eyes(
        build_maps(backbone, full_spec(backbone), shown.pixels.shape[1:]),
        shown.pixels,
        everything,
        has_places=True,
    )
    fold_of = folds_by_group(truth.labels, truth.groups, folds=FOLDS, seed=SEED)
    held_out = hold_out(eyes.see(shown.pixels, everything), truth, fold_of, seed=SEED, threads=THREADS)
    said = [one.said[:, 0].astype(float) for one in held_out.evidence]
    said.append(class_probabilities(held_out.logits, "binary")[:, 1])
    return [roc(scores, truth.is_defect).area for scores in said]


def document(found: dict[str, list[float]]) -> str:
    """The page."""
    rows = [f"| {key} | {' | '.join(f'{area:.3f}' for area in areas)} |" for key, areas in found.items()]
    table = "\n".join(rows)
    return f"""\
# What each kind of evidence tells

Made by `make experiments DATA=…` ([experiments.py](../../benchmarks/experiments.py)): area under ROC
of parts held out in turn ({FOLDS} folds of parts, seed {SEED}, at most {MOST} photographs of a data set), in
float, on {machine()}. The kinds are those of [the default](../../trainer/methods/frozen/README.md).

| data | backbone | pixels | {" | ".join(KINDS)} | all |
| --- | --- | --- | {" | ".join("---" for _ in KINDS)} | --- |
{table}
"""


if __name__ == "__main__":
    sys.exit(main())
