"""`make unseen DATA=…`: every data set through `trainer train` and `quantize` with defaults; writes a table.

Held out is each part in turn, by models that did not see it; where a data set has a part for testing, that is
asked as well. Rows that an interrupted run has found are kept with --resume.
"""

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.results import BUILD, DOCUMENT, Commands, machine, write_section

SEEDS = (31, 32)
MODELS = {
    "auto": [],
    "fast": ["--model", "fast"],
    "accurate": ["--model", "accurate"],
    "baseline": ["--model", "baseline", "--size", "64", "--epochs", "15"],
}
_ANY = ["--allow-flips", "10000", "--allow-escapes", "10000"]  # to count them, however many there are


@dataclass(frozen=True)
class DataSet:
    """A folder below DATA; ``before``: held-out or tested area under ROC of the default of release 2015cbd.

    Where there is no OK class that is the share of photographs that were right.
    """

    name: str
    task: str
    before: str
    options: tuple[str, ...] = ()
    is_split: bool = False
    models: tuple[str, ...] = tuple(MODELS)

    @property
    def label(self) -> str:
        """As it stands in the table."""
        words = " ".join(self.options)
        return f"{self.name}, {self.task}{f' {words}' if words else ''}"


ALONE = ("auto",)  # for OK parts alone there is one choice to make
DATA_SETS = (
    DataSet("dagm8", "binary", "0.51 tested", is_split=True),
    DataSet("aitex04", "binary", "0.59 tested", is_split=True),
    DataSet("insulator", "binary", "0.61 tested", is_split=True),
    DataSet("plastic_toys", "binary", "0.976"),
    DataSet("magnetic_tile", "binary", "0.884"),
    DataSet("casting", "binary", "0.995"),
    DataSet("neu", "classes", "99.1 % right"),
    DataSet("neu", "classes", "99.7 % right", ("--groups", "none"), models=("auto", "fast", "accurate")),
    DataSet("magnetic_tile", "classes", "0.894", models=("auto",)),
    DataSet("mvtec_metal_nut", "anomaly", "0.68 tested", models=ALONE),
    DataSet("magnetic_tile", "anomaly", "0.832", models=ALONE),
    DataSet("plastic_toys", "anomaly", "0.996", models=ALONE),
)


def main(argv: list[str] | None = None) -> int:
    """Learn, quantize and write; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make unseen", description=__doc__)
    parser.add_argument("data", type=Path, help="a folder that holds the data sets")
    parser.add_argument("--resume", action="store_true", help="keep what an interrupted run has found")
    parser.add_argument("--only", metavar="NAME", help="learn this data set alone; others as they were found")
    parser.add_argument("--models", default=",".join(MODELS), help="some of them (default: all)")
    parser.add_argument("--seeds", default=",".join(map(str, SEEDS)), help="default: both")
    arguments = parser.parse_args(argv)
    BUILD.mkdir(parents=True, exist_ok=True)
    commands = Commands(keep=arguments.resume)
    rows_file = BUILD / "unseen.json"
    found: dict[str, list[str]] = json.loads(rows_file.read_text()) if rows_file.exists() else {}
    for one in DATA_SETS:
        if arguments.only not in (None, one.name):
            continue
        for model in (name for name in one.models if name in arguments.models.split(",")):
            for seed in map(int, arguments.seeds.split(",")):
                key = f"{one.label}: {model}: {seed}"
                if arguments.resume and key in found:
                    continue
                print(key, file=sys.stderr)
                found[key] = row(commands, arguments.data, one, model, seed)
                rows_file.write_text(json.dumps(found, indent=1))
    write_section(DOCUMENT, "unseen", table(found))
    return 0


def row(commands: Commands, data: Path, one: DataSet, model: str, seed: int) -> list[str]:
    """The cells of one run."""
    folder = data / one.name
    out, options = folder_name(one, model, seed), options_of(one, model, seed)
    where = [str(folder / "train"), "--test", str(folder / "test")] if one.is_split else [str(folder)]
    run = commands.run("trainer", "train", *where, "--out", out, *options)
    quantized = commands.run("quantize", out, "--out", f"{out}.tflite", "--seed", str(seed), *_ANY)
    timed = commands.run("quantize", "bench", f"{out}.tflite")
    record = json.loads((BUILD / out / "run.json").read_text())
    spec = record["input"]
    held_out, tested = run["held_out_details"]["measured"], run["test_details"]
    return [
        f"{record['training'].get('backbone', model)} {spec['width']}x{spec['height']}",
        _area(held_out),
        _area(tested["measured"]) if tested else "",
        _cell(held_out["balanced_accuracy"]),
        f"{run['held_out']['escapes']} + {run['held_out']['overkill']} of {run['held_out']['images']}",
        f"{quantized['float32']['accuracy']:.2%}",
        f"{quantized['int8']['accuracy']:.2%}",
        str(len(quantized["flips"])),
        f"{quantized['mean_score_shift']:.5f}",
        f"{_milliseconds(timed):.2f}",
        f"{quantized['bytes'] / 1000:.0f}",
        f"{run['seconds']:.0f}",
    ]


def folder_name(one: DataSet, model: str, seed: int) -> str:
    """The folder of a run in the build folder."""
    return f"{one.label}-{model}-{seed}".replace(" ", "").replace(",", "-")


def options_of(one: DataSet, model: str, seed: int) -> list[str]:
    """The options of `trainer train` for a run."""
    return ["--task", one.task, "--seed", str(seed), *one.options, *MODELS[model]]


def _area(measured: dict[str, Any]) -> str:
    return _cell(measured["auroc"]) if "auroc" in measured else f"right {_cell(measured['accuracy'])}"


def _cell(figure: dict[str, float | None]) -> str:
    if figure["value"] is None:
        return ""
    return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"


def _milliseconds(timed: dict[str, Any]) -> float:
    return float(timed["timings"][0]["median_ms"])


HEAD = (
    "data, task",
    "model",
    "seed",
    "backbone and size",
    "AUROC held out (95 %)",
    "AUROC tested (95 %)",
    "balanced, held out",
    "escapes + overkill",
    "float",
    "int8",
    "flips",
    "mean shift",
    "ms",
    "kB",
    "s to learn",
)


def table(found: dict[str, list[str]]) -> str:
    """All rows that there are, in the order of the data sets, each with the default of before."""
    lines = [f"On {machine()}.", "", f"| {' | '.join(HEAD)} |", f"|{' --- |' * len(HEAD)}"]
    for one in DATA_SETS:
        blank = " | ".join([""] * (len(HEAD) - 4))
        lines.append(f"| {one.label} | default of before | | | {one.before} | {blank[:-2]}|")
        for model in one.models:
            for seed in SEEDS:
                cells = found.get(f"{one.label}: {model}: {seed}")
                if cells is not None:
                    lines.append(f"| {one.label} | {model} | {seed} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
