"""`make small DATA=…`: what smaller models save and cost; writes the table of docs/training.md.

Cross-validation by part, then the bundle of the whole; all timed in turn, so that what else the machine does
hits all of them.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.results import BUILD, FOLDS, ROOT, SEED, Commands, machine
from edge.model import Model, load_model

DOCUMENT = ROOT / "docs" / "training.md"
_START, _END = "<!-- small: made by benchmarks/small.py -->", "<!-- /small -->"
DATA_SETS = ("plastic_toys", "magnetic_tile", "casting")
MODELS = {
    "default": [],
    "small": ["--model", "small"],
}
TURNS, RUNS = 60, 40


def main(argv: list[str] | None = None) -> int:
    """Train, quantize, time; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make small", description=__doc__)
    parser.add_argument("data", type=Path, help=f"a folder that holds {', '.join(DATA_SETS)}")
    data = parser.parse_args(argv).data
    BUILD.mkdir(parents=True, exist_ok=True)
    cells: dict[str, list[str]] = {model: [] for model in MODELS}
    bundles: dict[str, list[Path]] = {model: [] for model in MODELS}
    commands = Commands(keep=True)
    for name in DATA_SETS:
        for model, options in MODELS.items():
            out = f"small-{name}-{model.replace(' ', '')}"
            fixed = ["--task", "binary", "--seed", str(SEED), "--folds", str(FOLDS), "--locate", "none"]
            run = commands.run("trainer", "train", str(data / name), "--out", out, *fixed, *options)
            commands.run("quantize", out, "--out", f"{out}.tflite", "--allow-flips", "99")
            bundles[model].append(BUILD / f"{out}.tflite")
            cells[model].append(_figures(run["folds"]))
    times = [median_times([load_model(bundles[model][n]) for model in MODELS]) for n in range(len(DATA_SETS))]
    rows = []
    for number, (model, found) in enumerate(cells.items()):
        ratio = np.median([one[number] / one[0] for one in times])
        took = np.median([one[number] for one in times])
        sizes = ", ".join(f"{file.stat().st_size / 1000:.0f}" for file in bundles[model])
        rows.append(f"| `{model}` | {sizes} | {took:.2f} | {ratio:.2f} | {' | '.join(found)} |")
    before, _, rest = DOCUMENT.read_text("utf-8").partition(_START)
    _, _, after = rest.partition(_END)
    DOCUMENT.write_text(f"{before}{_START}\n{_table(rows)}\n{_END}{after}", "utf-8")
    return 0


def median_times(models: list[Model]) -> list[float]:
    """Milliseconds of one inference of each, measured in turns."""
    times: list[list[float]] = [[] for _ in models]
    for _ in range(TURNS):
        for model, found in zip(models, times, strict=True):
            pixels = model.bundle.golden_inputs[0]
            model.invoke(pixels)
            for _ in range(RUNS):
                started = time.perf_counter()
                model.invoke(pixels)
                found.append((time.perf_counter() - started) * 1000)
    return [float(np.median(found)) for found in times]


def _figures(folds: list[dict[str, Any]]) -> str:
    balanced, areas = ([fold[key] for fold in folds] for key in ("balanced_accuracy", "auroc"))
    return f"{np.mean(balanced):.3f} ({min(balanced):.3f}), {np.mean(areas):.3f}"


def _table(rows: list[str]) -> str:
    return "\n".join(
        [
            f"By part, {FOLDS} folds of seed {SEED}: balanced accuracy (of the worst fold), AUROC. Sizes are",
            f"of the three bundles, times on one thread, median; {machine()}.",
            "",
            f"| `--model` | kB | ms | of the default's time | {' | '.join(DATA_SETS)} |",
            f"|{' --- |' * (4 + len(DATA_SETS))}",
            *rows,
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
