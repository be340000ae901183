"""`python -m benchmarks.learning_curves DATA`: what the curve says of half the parts, and what all give.

Half of the parts of each data set go through `trainer train` with defaults; what its report expects of twice
as many parts stands beside the held-out figure of all of them. Writes to docs/research/experiments.md.
Runs of all parts that `benchmarks.unseen` left in the build folder are taken from there.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.results import BUILD, ROOT, Commands, machine, write_section
from benchmarks.unseen import DATA_SETS, DataSet, folder_name, options_of

SEED = 31
Record = dict[str, Any]


def main(argv: list[str] | None = None) -> int:
    """Learn from halves and write the table; returns the exit status."""
    parser = argparse.ArgumentParser(prog="learning_curves", description=__doc__)
    parser.add_argument("data", type=Path, help="a folder that holds the data sets")
    parser.add_argument("--resume", action="store_true", help="keep what an interrupted run has found")
    arguments = parser.parse_args(argv)
    BUILD.mkdir(parents=True, exist_ok=True)
    commands = Commands(keep=arguments.resume)
    lines = []
    for one in DATA_SETS:
        if one.task == "binary":
            lines.append(row(commands, arguments.data.resolve(), one))
            write_section(ROOT / "docs" / "research" / "experiments.md", "learning-curves", table(lines))
    return 0


def row(commands: Commands, data: Path, one: DataSet) -> str:
    """The line of one data set."""
    photographs = data / one.name / "train" if one.is_split else data / one.name
    whole = folder_name(one, "auto", SEED)
    if not (BUILD / whole / "run.json").exists():
        commands.run("trainer", "train", str(photographs), "--out", whole, *options_of(one, "auto", SEED))
    found = read(whole)
    half = copy_half(photographs, found["train"], BUILD / f"{whole}-half-of-the-parts")
    out = f"{whole}-half"
    commands.run("trainer", "train", str(half), "--out", out, *options_of(one, "auto", SEED))
    curve = read(out)["learning_curve"]
    cells = ["too few parts", "", ""]
    if curve is not None:
        now, then = curve["points"][-1], curve["expected"]
        cells = [f"{now['parts']}: {area(now['error'])}", f"{then['parts']}: {area(then['error'])}", ""]
    details = found["results"]["held_out_details"]
    at_all = details["measured"]["auroc"]["value"]
    if curve is not None:
        low, high = 1 - curve["expected"]["error"]["high"], 1 - curve["expected"]["error"]["low"]
        cells[2] = "yes" if low <= at_all <= high else "no"
    return f"| {one.name} | {cells[0]} | {cells[1]} | {details['parts']}: {at_all:.3f} | {cells[2]} |"


def copy_half(photographs: Path, files: list[Record], folder: Path) -> Path:
    """A new folder with the photographs of half of the parts of each class."""
    shutil.rmtree(folder, ignore_errors=True)
    chance = np.random.default_rng(SEED)
    label_of = {item["group"]: item["label"] for item in files}
    taken: set[int] = set()
    for label in sorted(set(label_of.values())):
        parts = sorted(part for part, of in label_of.items() if of == label)
        taken |= set(chance.permutation(parts)[: (len(parts) + 1) // 2].tolist())
    for item in files:
        if item["group"] in taken:
            to = folder / item["file"]
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(photographs / item["file"], to)
    return folder


def read(out: str) -> Record:
    """The record of a run in the build folder."""
    record: Record = json.loads((BUILD / out / "run.json").read_text("utf-8"))
    return record


def area(error: Record) -> str:
    """AUROC of the area above it, with its interval."""
    return f"{1 - error['value']:.3f} ({1 - error['high']:.3f} to {1 - error['low']:.3f})"


def table(lines: list[str]) -> str:
    """All rows so far."""
    head = "| data | half the parts | expected of twice as many (95 %) | all parts | within the interval |"
    return "\n".join([f"On {machine()}, seed {SEED}, AUROC.", "", head, "|" + " --- |" * 5, *lines])


if __name__ == "__main__":
    sys.exit(main())
