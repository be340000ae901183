"""`make drift DATA=…`: how far the scores of good parts move, on parts never seen and in spoiled pictures.

Prints a table for docs/research/score-drift.md. A third of each data set's parts, by part, stands for the
line; the rest is learned from and validated on. A setting is judged by it: `alarms.drift_distance`.
"""

import argparse
import contextlib
import io
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from edge.alarms.drift import ScoreDrift, largest_distance
from edge.core.bundle.score_profile import ScoreProfile, graded
from edge.core.images import Image, read_image
from edge.core.photographs.layouts import read_layout
from edge.core.preprocess import preprocess
from edge.core.runtime import BundleModel, load_model
from edge.settings.alarms import AlarmSettings
from quantize.__main__ import main as quantize
from trainer.__main__ import main as trainer
from trainer.dataset import load_training_set
from trainer.input_size import Size
from trainer.split import split_by_group

DATA_SETS = ("casting", "magnetic_tile")
WINDOWS = 1000
SETTINGS = AlarmSettings()


def spoiled(image: Image) -> dict[str, Image]:
    """The picture as it is, and after something happened to lamp or lens."""
    pixels = image.astype(np.float32)
    dirt = np.zeros(image.shape[:2], np.float32)
    height, width = image.shape[:2]
    cv2.circle(dirt, (width // 3, height // 3), min(height, width) // 10, 0.7, -1)
    soft = cv2.GaussianBlur(dirt, (0, 0), min(height, width) / 30)
    spot = soft if image.ndim == 2 else soft[:, :, np.newaxis]
    changed = {
        "as they are": pixels,
        "lamp -10 %": pixels * 0.9,
        "lamp -30 %": pixels * 0.7,
        "lamp +30 %": pixels * 1.3,
        "blurred": cv2.GaussianBlur(pixels, (0, 0), max(height, width) / 150),
        "a dirty spot": pixels * (1 - spot),
    }
    return {name: np.clip(values, 0, 255).astype(np.uint8) for name, values in changed.items()}


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make drift", description=__doc__)
    parser.add_argument("data", type=Path, help=f"a folder that holds {', '.join(DATA_SETS)}")
    parser.add_argument("--only", default=",".join(DATA_SETS), help="some of them, with commas")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args(argv)
    print(
        "| photographs | OK at validation, of parts | OK on the line | picture | passed | distance |"
        " alarms in 1,000 windows |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name in arguments.only.split(","):
        with tempfile.TemporaryDirectory(prefix="linegate-") as folder:
            _measure(arguments.data / name, Path(folder), arguments.seed)
    return 0


def _measure(data: Path, folder: Path, seed: int) -> None:
    line = _hold_out(data, folder / "data", seed)
    with contextlib.redirect_stdout(io.StringIO()):
        trainer(["train", str(folder / "data"), "--out", str(folder / "run"), "--seed", str(seed)])
        quantize([str(folder / "run"), "--out", str(folder / "part.tflite"), "--allow-flips", "99",
                  "--allow-escapes", "99"])  # fmt: skip
    model = load_model(folder / "part.tflite", threads=1)
    manifest = model.bundle.manifest
    assert manifest.ok_scores is not None
    scores: dict[str, list[float]] = {}
    for path in line:
        for name, image in spoiled(read_image(path)).items():
            scores.setdefault(name, []).append(_score(model, image))
    for name, values in scores.items():
        passed = [score for score in values if score < manifest.thresholds.ok_below]
        counts = f"{manifest.ok_scores.count}, {manifest.ok_scores.parts} | {len(line)}"
        print(
            f"| {data.name} | {counts} | {name} | {len(passed)} | "
            f"{_compare(manifest.ok_scores, manifest.thresholds.ok_below, passed, seed)} |",
            flush=True,
        )


def _hold_out(data: Path, rest: Path, seed: int) -> list[Path]:
    """OK photographs of a third of the parts; links to those of the others go to ``rest``."""
    dataset = load_training_set(
        read_layout(data), task="auto", ok_class=None, size=Size(64, 64), groups="copies", threads=2
    )
    kept, line = split_by_group(dataset.labels, dataset.groups.numbers, share=1 / 3, seed=seed)
    files = [data / photograph.file for photograph in dataset.photographs]
    for position in kept:
        link = rest / files[position].relative_to(data)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(files[position].resolve())
    return [files[position] for position in line if dataset.labels[position] == dataset.ok_index]


def _score(model: BundleModel, image: Image) -> float:
    return model.predict(preprocess(image, model.bundle.manifest.input)).score


def _compare(profile: ScoreProfile, ok_below: float, scores: list[float], seed: int) -> str:
    """The distance of all scores, and how many windows drawn from them would raise the alarm."""
    if not scores:
        return "none passed | "
    rule = ScoreDrift(
        profile,
        ok_below=ok_below,
        window=SETTINGS.drift_window,
        distance=SETTINGS.drift_distance,
        false_alarms=SETTINGS.false_alarms,
    )
    reference = np.sort([score for score in profile.scores if score < ok_below])
    distance = largest_distance(reference, np.sort(graded(scores)))
    generator, out = np.random.default_rng(seed), 0
    for _ in range(WINDOWS):
        rule.trouble = None
        for score in generator.choice(scores, SETTINGS.drift_window):
            rule.add(float(score))
        out += rule.trouble is not None
    if not rule.is_possible:
        return f"{distance:.2f} | too few parts"
    return f"{distance:.2f} | {out} (limit {rule.limit:.2f})"


if __name__ == "__main__":
    sys.exit(main())
