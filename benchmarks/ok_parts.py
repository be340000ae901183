"""`python -m benchmarks.ok_parts DATA`: OK parts alone; writes docs/research/ok-parts.md.

Learned from the OK photographs of a training folder, or of four fifths of the parts, and measured on the
others and on defective ones, that neither learning nor choosing ever saw. In float; int8 says the same but
for its steps.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from benchmarks.results import machine
from edge.core.decision import find_ok_class
from edge.core.images import Image, is_grey, read_image
from edge.core.photographs.layouts import read_layout
from edge.core.preprocess import LARGEST_SIDE, InputSpec, preprocess
from trainer.audit.features import describe
from trainer.backbones.find import find_backbones
from trainer.groups import COPIES, group_photographs
from trainer.methods.choose_one_class import (
    Candidate,
    choose_by_drawn_defects,
    folds_of_ok_parts,
)
from trainer.methods.one_class import METHODS, build_float_places, learn_one_class, methods_for
from trainer.predict import predict_batches
from trainer.split import spread_over_groups

ROOT = Path(__file__).parents[1]
KEPT, DOCUMENT = ROOT / "build" / "ok_parts.json", ROOT / "docs" / "research" / "ok-parts.md"
Found = dict[str, Any]
DATA_SETS = ("mvtec_metal_nut", "dagm8", "magnetic_tile", "plastic_toys", "aitex04", "insulator")
SIDES, SEED = (160, 224, 320, 512), 41  # of squares with as many pixels
LEARNED_FROM, ASKED = 80, 60  # photographs at most, of OK parts, and of each side of the test


@dataclass(frozen=True)
class Photographs:
    """OK ones to learn from with their parts, OK and defective ones to ask about."""

    learn: list[Image]
    parts: NDArray[np.int64]
    ok: list[Image]
    defective: list[Image]

    @property
    def channels(self) -> Literal[1, 3]:
        """1 if all are grey."""
        return 1 if all(is_grey(image) for image in self.learn[:20]) else 3


def main(argv: list[str] | None = None) -> int:
    """Measure what is not yet measured and write the document; returns the exit status."""
    parser = argparse.ArgumentParser(prog="ok_parts", description=__doc__)
    parser.add_argument("data", type=Path, help=f"a folder that holds {', '.join(DATA_SETS)}")
    parser.add_argument("--resume", action="store_true", help="keep what an interrupted run has found")
    arguments = parser.parse_args(argv)
    found = json.loads(KEPT.read_text()) if arguments.resume and KEPT.exists() else {}
    for name in DATA_SETS:
        if name not in found:
            found[name] = measure(read(arguments.data / name), name)
            KEPT.parent.mkdir(exist_ok=True)
            KEPT.write_text(json.dumps(found))
    DOCUMENT.write_text(document(found), "utf-8")
    return 0


def read(folder: Path) -> Photographs:
    """The folder's own split, or four fifths of the OK parts against the rest and all defects."""
    chance = np.random.default_rng(SEED)
    layout = read_layout(folder / "train" if (folder / "train").is_dir() else folder)
    ok_name = find_ok_class(sorted({item.label for item in layout.items}))
    ok = [read_image(item.path) for item in layout.items if item.label == ok_name]
    bad = [item.path for item in layout.items if item.label != ok_name]
    features = [describe(image) for image in ok]
    parts = group_photographs(COPIES, [str(n) for n in range(len(ok))], features, threads=2).numbers
    is_asked = np.isin(parts, chance.permutation(np.unique(parts))[: len(np.unique(parts)) // 5])
    asked = [ok[number] for number in np.flatnonzero(is_asked)]
    if (folder / "test").is_dir():
        test = read_layout(folder / "test").items
        is_asked[:] = False
        asked = [read_image(item.path) for item in test if item.label == ok_name]
        bad += [item.path for item in test if item.label != ok_name]
    at = spread_over_groups(np.flatnonzero(~is_asked), parts, most=LEARNED_FROM, seed=SEED)
    some = [bad[number] for number in np.sort(chance.permutation(len(bad))[:ASKED])]
    return Photographs([ok[n] for n in at], parts[at], asked[:ASKED], [read_image(path) for path in some])


def measure(shown: Photographs, name: str) -> Found:
    """AUROC by "method, backbone, side", and which of them drawn defects chose."""
    shapes = [image.shape[:2] for image in shown.learn]
    height, width = np.exp(np.mean(np.log(shapes), axis=0))
    sides = [side for side in SIDES if side <= 1.05 * sqrt(height * width)]
    specs = {side: spec_of(side, width / height, shown.channels) for side in sides}
    specs = {side: spec for side, spec in specs.items() if max(spec.width, spec.height) <= LARGEST_SIDE}
    backbones = [one.backbone for one in find_backbones() if one.backbone is not None]
    offered = {
        (one.name, side): Candidate(one, spec.height, spec.width)
        for one in backbones
        for side, spec in specs.items()
    }
    pixels = seen(shown.learn, specs[max(specs)])
    best = [one for (backbone, _), one in offered.items() if backbone == backbones[-1].name]
    taken, tried = choose_by_drawn_defects(
        best, pixels, shown.parts, methods=methods_for(len(shown.learn)), seed=SEED
    )
    areas = {}
    fold_of = folds_of_ok_parts(shown.parts, seed=SEED)
    for (backbone, side), candidate in offered.items():
        network = build_float_places(
            candidate.backbone, (*(candidate.height, candidate.width), shown.channels)
        )
        maps = [
            predict_batches(network, seen(some, specs[side]), backbone)
            for some in (shown.learn, shown.ok, shown.defective)
        ]
        for method in METHODS:
            model, _ = learn_one_class(method, maps[0], fold_of, seed=SEED)
            logits = [model.logits(one)[:, 0] for one in maps[1:]]
            truth = np.repeat([0, 1], [len(one) for one in logits])
            key = f"{method}, {backbone}, {side}"
            areas[key] = float(roc_auc_score(truth, np.concatenate(logits)))
            print(name, key, round(areas[key], 3), file=sys.stderr)
    side = next(side for (_, side), one in offered.items() if one is taken.candidate)
    chosen = f"{taken.method}, {taken.candidate.backbone.name}, {side}"
    counts = [len(some) for some in (shown.learn, shown.ok, shown.defective)]
    return {"areas": areas, "tried": [str(score) for score in tried], "chosen": chosen, "counts": counts}


def spec_of(side: int, aspect: float, channels: Literal[1, 3]) -> InputSpec:
    """As many pixels as a square of ``side``, in whole multiples of 16."""
    width, height = (
        max(32, 16 * round(length / 16)) for length in (side * sqrt(aspect), side / sqrt(aspect))
    )
    return InputSpec(width=width, height=height, channels=channels)


def seen(images: Sequence[Image], spec: InputSpec) -> NDArray[np.uint8]:
    """Pixels of all of them."""
    return np.stack([preprocess(image, spec) for image in images])


def document(found: dict[str, Found]) -> str:
    """The tables."""
    keys = sorted(
        {key for one in found.values() for key in one["areas"]}, key=lambda key: key.split(", ")[1:]
    )
    rows = [f"| {key} | {' | '.join(cell(one, key) for one in found.values())} |" for key in keys]
    counts = " | ".join("{}; {} + {}".format(*one["counts"]) for one in found.values())
    chosen = [one["areas"][one["chosen"]] for one in found.values()]
    best = [max(one["areas"].values()) for one in found.values()]
    others = [best_on_others(found, name) for name in found]
    table = "\n".join(rows)
    return f"""\
# OK parts alone: methods, backbones and sizes

Made by `python -m benchmarks.ok_parts DATA`
([benchmarks/ok_parts.py](../../benchmarks/ok_parts.py)) on {machine()}.
AUROC of photographs that neither learning nor choosing saw, by seed {SEED}, in float (first row: OK
photographs learned from; OK + defective ones asked about). Bold: what drawn defects chose, which knows no
real ones and nothing of the other data sets. A size is the side of a square with as many pixels; the aspect
is kept.

| mean over the data sets | |
| --- | --- |
| what drawn defects chose | {np.mean(chosen):.3f} |
| what is best on all other data sets, of what all can show | {np.mean(others):.3f} |
| what is best on each, which nobody can know | {np.mean(best):.3f} |

| | {" | ".join(found)} |
| --- |{" --- |" * len(found)}
| | {counts} |
{table}
"""


def best_on_others(found: dict[str, Found], name: str) -> float:
    """A data set's figures with that which has the best mean on all others, of what all can show."""
    common = set.intersection(*(set(one["areas"]) for one in found.values()))
    rest = [one["areas"] for other, one in found.items() if other != name]
    best = max(sorted(common), key=lambda key: float(np.mean([areas[key] for areas in rest])))
    return float(found[name]["areas"][best])


def cell(one: Found, key: str) -> str:
    """An area, bold if it was chosen."""
    areas = one["areas"]
    if key not in areas:
        return ""
    return f"**{areas[key]:.3f}**" if key == one["chosen"] else f"{areas[key]:.3f}"


if __name__ == "__main__":
    sys.exit(main())
