"""`make small DATA=…`: what smaller models save and cost; writes the table of docs/research/small.md.

All are timed in turn, so that what else the machine does
hits all of them. And the size and time of `small` with six classes, in grey and in colour.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.results import BUILD, ROOT, SEED, Commands, machine, write_section
from edge.core.photographs.layouts import read_layout
from edge.core.runtime import BundleModel, load_model

DOCUMENT = ROOT / "docs" / "research" / "small.md"
SIX_CLASSES = "magnetic_tile"
DATA_SETS = ("plastic_toys", "magnetic_tile", "casting")
MODELS = {
    "fast --size 160": ["--model", "fast", "--size", "160"],
    "small": ["--model", "small"],
}
TURNS, RUNS = 60, 40


def main(argv: list[str] | None = None) -> int:
    """Train, quantize, time; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make small", description=__doc__)
    parser.add_argument("data", type=Path, help=f"a folder that holds {', '.join(DATA_SETS)}")
    parser.add_argument("--six-classes", action="store_true", help="only what six classes weigh and take")
    arguments = parser.parse_args(argv)
    BUILD.mkdir(parents=True, exist_ok=True)
    write_section(DOCUMENT, "six", six_classes(arguments.data))
    if not arguments.six_classes:
        write_section(DOCUMENT, "small", compared(arguments.data))
    return 0


def compared(data: Path) -> str:
    """The table of a small bundle and of a smaller one."""
    cells: dict[str, list[str]] = {model: [] for model in MODELS}
    bundles: dict[str, list[Path]] = {model: [] for model in MODELS}
    commands = Commands(keep=True)
    for name in DATA_SETS:
        for model, options in MODELS.items():
            out = f"small-{name}-{model.replace(' ', '')}"
            fixed = ["--task", "binary", "--seed", str(SEED), "--locate", "none"]
            run = commands.run("trainer", "train", str(data / name), "--out", out, *fixed, *options)
            commands.run("quantize", out, "--out", f"{out}.tflite", "--allow-flips", "99")
            bundles[model].append(BUILD / f"{out}.tflite")
            cells[model].append(_figures(run))
    times = [median_times([load_model(bundles[model][n]) for model in MODELS]) for n in range(len(DATA_SETS))]
    rows = []
    for number, (model, found) in enumerate(cells.items()):
        ratio = np.median([one[number] / one[0] for one in times])
        took = np.median([one[number] for one in times])
        sizes = ", ".join(f"{file.stat().st_size / 1000:.0f}" for file in bundles[model])
        rows.append(f"| `{model}` | {sizes} | {took:.2f} | {ratio:.2f} | {' | '.join(found)} |")
    return _table(rows)


def six_classes(data: Path) -> str:
    """The size and the time of `small` with six classes; nothing is said of how good it is."""
    commands, said = Commands(keep=True), []
    colour = BUILD / "tiles-in-colour"
    tint(data / SIX_CLASSES, colour)
    for name, folder in (("grey", data / SIX_CLASSES), ("colour", colour)):
        out = f"small-six-{name}"
        fixed = ["--groups", "none", "--seed", str(SEED), "--locate", "none", "--model", "small"]
        commands.run("trainer", "train", str(folder), "--out", out, *fixed)
        bundle = BUILD / f"{out}.tflite"
        commands.run("quantize", out, "--out", bundle.name, "--allow-flips", "99", "--allow-escapes", "99")
        model = load_model(bundle)
        took, golden = median_times([model])[0], len(model.bundle.manifest.golden)
        size, graph = bundle.stat().st_size / 1000, len(model.bundle.flatbuffer) / 1000
        said.append(
            f"- in {name}: {size:.0f} kB, of these {graph:.0f} the graph; {golden} golden examples; "
            f"{took:.2f} ms"
        )
    head = f"`small` with the six classes of {SIX_CLASSES}, one thread, median; {machine()}:"
    return "\n".join([head, "", *said])


def tint(photographs: Path, out: Path) -> None:
    """The same photographs in colour: each with a tint, and in each channel noise of its own."""
    chance = np.random.default_rng(SEED)
    for item in read_layout(photographs).items:
        grey = cv2.imread(str(item.path), cv2.IMREAD_GRAYSCALE)
        if grey is None:
            sys.exit(f"{item.path}: expected an image")
        channels = grey[:, :, np.newaxis] * chance.uniform(0.7, 1.0, 3) + chance.normal(
            0, 2, (*grey.shape, 3)
        )
        place = (out / item.path.relative_to(photographs)).with_suffix(".png")
        place.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(place), channels.clip(0, 255).astype(np.uint8))


def median_times(models: list[BundleModel]) -> list[float]:
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


def _figures(run: dict[str, Any]) -> str:
    measured = run["held_out_details"]["measured"]
    return f"{measured['balanced_accuracy']['value']:.3f}, {measured['auroc']['value']:.3f}"


def _table(rows: list[str]) -> str:
    return "\n".join(
        [
            f"By part, held out in turn, seed {SEED}: balanced accuracy, AUROC. Sizes are",
            f"of the three bundles, times on one thread, median; {machine()}.",
            "",
            f"| `--model` | kB | ms | of the first's time | {' | '.join(DATA_SETS)} |",
            f"|{' --- |' * (4 + len(DATA_SETS))}",
            *rows,
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
