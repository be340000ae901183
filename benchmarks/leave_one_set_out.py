"""`python -m benchmarks.leave_one_set_out DATA`: the rules that choose backbone and size, on sets left out.

Of each set, half of the parts choose a candidate by a rule, and the other half measure it; halves are drawn
anew many times. Then, for each set, the rule that is best on average over all *other* sets is measured on
this one, beside the rule of the trainer and the best that any candidate reaches. Scores are held out by part
throughout. Writes a table of docs/research/experiments.md.
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.results import ROOT, machine, write_section
from benchmarks.unseen import DATA_SETS, DataSet
from edge.core.photographs.layouts import read_layout
from trainer.backbones.find import find_backbones
from trainer.dataset import load_training_set
from trainer.groups import COPIES
from trainer.methods.frozen.choose import candidates, compare, speeds_of
from trainer.methods.frozen.feature_maps import full_spec
from trainer.methods.frozen.prefer import Comparison, prefer, strongest_and_largest
from trainer.methods.frozen.truth import Truth, area_under_roc

KEPT = ROOT / "build" / "leave_one_set_out"
SEED, HALVES, _NEAR = 51, 20, 0.02
Mask = NDArray[np.bool_]
_Rule = Callable[[Comparison], int]


def _before(seen: Comparison) -> int:
    """The rule of 7bccdd9: the largest that is not clearly beaten, or the cheapest that is nearly as good."""
    largest_first = [number for number in reversed(seen.cheapest_first) if seen.is_strongest[number]]
    unbeaten = (number for number in largest_first if not seen.is_behind(number, seen.top, errors=1))
    best = next(unbeaten, seen.top)
    for number in seen.cheapest_first:
        if number == best or not seen.is_behind(number, best, errors=-1, margin=_NEAR):
            return number
    return best


TRAINER = "of the trainer"
RULES: dict[str, _Rule] = {
    TRAINER: lambda seen: prefer(seen).number,
    "of the trainer before": _before,
    "always the strongest and largest": lambda seen: strongest_and_largest(
        seen.milliseconds, seen.is_strongest
    ),
    "the largest area": lambda seen: seen.top,
    "the cheapest within one standard error": lambda seen: next(
        number for number in seen.cheapest_first if not seen.is_behind(number, seen.top, errors=1)
    ),
    "the cheapest within 0.02 of the area": lambda seen: next(
        number for number in seen.cheapest_first if seen.areas[seen.top] - seen.areas[number] <= _NEAR
    ),
    "always the cheapest": lambda seen: seen.cheapest_first[0],
}


def main(argv: list[str] | None = None) -> int:
    """Measure what is not yet measured and write the table; returns the exit status."""
    parser = argparse.ArgumentParser(prog="leave_one_set_out", description=__doc__)
    parser.add_argument("data", type=Path, help="a folder that holds the data sets")
    parser.add_argument("--resume", action="store_true", help="keep what an interrupted run has found")
    arguments = parser.parse_args(argv)
    KEPT.mkdir(parents=True, exist_ok=True)
    found = {}
    for one in DATA_SETS:
        if one.task == "binary":
            print(one.name, file=sys.stderr)
            file = KEPT / f"{one.name}.npz"
            if not (arguments.resume and file.exists()):
                keep(seen_of(arguments.data, one), file)
            found[one.name] = measure(read(file))
    write_section(ROOT / "docs" / "research" / "experiments.md", "leave-one-set-out", table(found))
    return 0


def seen_of(data: Path, one: DataSet) -> Comparison:
    """Answers of all backbones at all sizes of one set, as the trainer compares them."""
    layout = read_layout(data / one.name / "train" if one.is_split else data / one.name)
    dataset = load_training_set(layout, task=one.task, ok_class=None, size=None, groups=COPIES, threads=2)
    backbones = [found.backbone for found in find_backbones() if found.backbone is not None]
    offered = candidates(dataset, [(backbone, full_spec(backbone)) for backbone in backbones], None)
    return compare(dataset, offered, speeds_of(offered), seed=SEED, threads=2)


def keep(seen: Comparison, file: Path) -> None:
    """Write what the candidates said."""
    truth = seen.truth
    np.savez(
        file,
        said=np.stack(seen.said),
        labels=truth.labels,
        groups=truth.groups,
        ok_index=truth.ok_index or 0,
        milliseconds=seen.milliseconds,
        is_strongest=seen.is_strongest,
    )


def read(file: Path) -> Comparison:
    """The kept answers."""
    kept = np.load(file)
    truth = Truth("binary", kept["labels"], kept["groups"], 1, int(kept["ok_index"]))
    return Comparison(list(kept["said"]), truth, kept["milliseconds"].tolist(), kept["is_strongest"].tolist())


def measure(seen: Comparison) -> dict[str, float]:
    """The mean area of each rule over halves of the parts, and of the best candidate there is."""
    chance = np.random.default_rng(SEED)
    areas: dict[str, list[float]] = {name: [] for name in RULES}
    by_candidate = []
    for _ in tqdm(range(HALVES), desc="halves", unit="half", disable=None):
        chooses = half_of(seen, chance)
        choosing = some(seen, chooses)
        measured = some(seen, ~chooses)
        each = [
            float(area_under_roc(said, measured.truth)(np.ones((1, len(said))))[0]) for said in measured.said
        ]
        by_candidate.append(each)
        for name, rule in RULES.items():
            areas[name].append(each[rule(choosing)])
    means = {name: float(np.mean(found)) for name, found in areas.items()}
    return {**means, "best": float(np.mean(by_candidate, axis=0).max())}


def half_of(seen: Comparison, chance: np.random.Generator) -> Mask:
    """A mask of photographs (N,): half of the parts of good photographs, and half of the defective ones."""
    groups, is_defect = seen.truth.groups, seen.truth.is_defect
    taken: list[int] = []
    for parts in (np.unique(groups[is_defect]), np.setdiff1d(groups[~is_defect], groups[is_defect])):
        taken += chance.permutation(parts)[: (len(parts) + 1) // 2].tolist()
    return np.isin(groups, taken)


def some(seen: Comparison, mask: Mask) -> Comparison:
    """The same candidates on some of the photographs."""
    at = np.flatnonzero(mask)
    return replace(seen, said=[said[at] for said in seen.said], truth=seen.truth.subset(at))


def table(found: dict[str, dict[str, float]]) -> str:
    """A row for each set left out."""
    lines = [
        f"On {machine()}; {HALVES} times one half of the parts chose and the other was measured (AUROC).",
        "",
        "| left out | rule that was best on all others | there | the trainer's rule there | best candidate |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, areas in found.items():
        others = [of for other, of in found.items() if other != name]
        rule = max(RULES, key=lambda one: np.mean([of[one] for of in others]))
        lines.append(f"| {name} | {rule} | {areas[rule]:.3f} | {areas[TRAINER]:.3f} | {areas['best']:.3f} |")
    lines += ["", f"| rule | {' | '.join(found)} | mean |", f"| --- |{' --- |' * (len(found) + 1)}"]
    for rule in RULES:
        cells = [of[rule] for of in found.values()]
        lines.append(f"| {rule} | {' | '.join(f'{cell:.3f}' for cell in cells)} | {np.mean(cells):.3f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
