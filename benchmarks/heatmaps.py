"""`make heatmaps DATA=…`: whether a bundle's heatmap points at the defect; for docs/research/heatmap.md.

Rendered parts, of which it is known where the defect is: there a part differs from itself without it. And
real OK parts that training never saw, onto which a spot or a scratch is drawn. Judged is what the device
computes, on the parts that the bundle rejects.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.results import BUILD, ROOT, Commands, machine, write_section
from edge.core.decision import Verdict
from edge.core.images import encode_png, read_image
from edge.core.preprocess import preprocess
from edge.core.runtime import load_model
from edge.inspection.inspector import Inspector
from edge.simulation.parts import PartRenderer
from trainer.curves import roc
from trainer.run import Run, read_run

DOCUMENT = ROOT / "docs" / "research" / "heatmap.md"
SEED, RENDERED, DRAWN = 41, 300, 300
NEAR = 0.05  # of the picture's side: so near to the defect the hottest place may be
_RUNS = (
    ("rendered", "binary"),
    ("rendered", "anomaly"),
    ("magnetic_tile", "binary"),
    ("magnetic_tile", "anomaly"),
)


@dataclass(frozen=True)
class Case:
    """A defective part, uint8 (H, W, C) as the model sees it, and where its defect is, bool (H, W)."""

    pixels: NDArray[np.uint8]
    mask: NDArray[np.bool_]


@dataclass(frozen=True)
class Pointed:
    """Of one part: is the hottest place at the defect; ``chance``: the share of places that are."""

    is_hit: bool
    chance: float
    auroc: float


def main(argv: list[str] | None = None) -> int:
    """Train, quantize, and measure; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make heatmaps", description=__doc__)
    parser.add_argument("data", type=Path, help="a folder that holds magnetic_tile")
    data = parser.parse_args(argv).data
    BUILD.mkdir(parents=True, exist_ok=True)
    rows = []
    for name, task in _RUNS:
        photographs = render(BUILD / "heatmap-parts") if name == "rendered" else data / name
        out = f"heatmap-{name}-{task}"
        commands = Commands(keep=True)
        options = [
            "--task",
            task,
            "--seed",
            str(SEED),
            "--groups",
            "none" if name == "rendered" else "copies",
        ]
        commands.run("trainer", "train", str(photographs), "--out", out, *options)
        commands.run(
            "quantize", out, "--out", f"{out}.tflite", "--allow-flips", "99", "--allow-escapes", "99"
        )
        inspector = Inspector(load_model(BUILD / f"{out}.tflite"))
        is_rendered, run = name == "rendered", read_run(BUILD / out)
        cases = rendered_cases(inspector) if is_rendered else drawn_cases(inspector, run, photographs)
        rows.append(_row(name, task, inspector, list(cases)))
    write_section(DOCUMENT, "heatmaps", _table(rows))
    return 0


def render(folder: Path) -> Path:
    """Good and defective parts to learn from."""
    renderer = PartRenderer(seed=SEED)
    for label in ("ok", "defect"):
        (folder / label).mkdir(parents=True, exist_ok=True)
        for number in range(RENDERED):
            drawn = renderer.render(number, kind=label).image
            (folder / label / f"{number:04}.png").write_bytes(encode_png(drawn))
    return folder


def rendered_cases(inspector: Inspector) -> Iterator[Case]:
    """Other parts, with and without their defect."""
    renderer = PartRenderer(seed=SEED + 1)
    for number in range(DRAWN):
        images = [renderer.render(number, kind=kind).image for kind in ("defect", "ok")]
        with_defect, without = (preprocess(image, inspector.manifest.input) for image in images)
        differs = np.abs(with_defect.astype(int) - without.astype(int)).max(axis=2) > 10
        if differs.any():
            yield Case(with_defect, differs)


def drawn_cases(inspector: Inspector, run: Run, photographs: Path) -> Iterator[Case]:
    """OK parts that training never saw, with a spot or a scratch."""
    chance = np.random.default_rng(SEED)
    ok = [item.file for item in run.held_out if item.label == run.ok_class]
    for file in chance.permutation(ok)[:DRAWN]:
        pixels = preprocess(read_image(photographs / file), inspector.manifest.input)
        mask = _blemish(pixels.shape[0], pixels.shape[1], chance)
        soft = cv2.GaussianBlur(mask, (0, 0), 0.7)[..., np.newaxis] / 255
        amount = chance.uniform(40, 90) * (-1 if chance.random() < 0.7 else 1)
        yield Case((pixels + amount * soft).clip(0, 255).astype(np.uint8), mask > 0)


def _blemish(height: int, width: int, chance: np.random.Generator) -> NDArray[np.uint8]:
    """A spot of 4 to 10 pixels, or a scratch of 20 to 44."""
    mask = np.zeros((height, width), np.uint8)
    x, y = (
        int(chance.integers(width // 5, 4 * width // 5)),
        int(chance.integers(height // 5, 4 * height // 5)),
    )
    turn = float(chance.uniform(0, np.pi))
    if chance.random() < 0.5:
        axes = (int(chance.integers(2, 6)), int(chance.integers(2, 6)))
        cv2.ellipse(mask, (x, y), axes, np.degrees(turn), 0, 360, 255, -1)
    else:
        half = np.round(chance.integers(10, 23) * np.array([np.cos(turn), np.sin(turn)])).astype(int)
        cv2.line(mask, (x - half[0], y - half[1]), (x + half[0], y + half[1]), 255, 2)
    return mask


def point(heat: NDArray[np.float32], mask: NDArray[np.bool_]) -> Pointed:
    """The figures of a heatmap (h, w) that points at a defect, bool (H, W)."""
    height, width = mask.shape
    reach = 2 * round(NEAR * max(height, width)) + 1
    near = cv2.dilate(mask.astype(np.uint8), np.ones((reach, reach), np.uint8))
    places = cv2.resize(near, heat.shape[::-1], interpolation=cv2.INTER_NEAREST_EXACT).astype(bool)
    fine = cv2.resize(heat, (width, height), interpolation=cv2.INTER_LINEAR).ravel().astype(np.float64)
    hottest = np.unravel_index(int(heat.argmax()), heat.shape)
    return Pointed(bool(places[hottest]), float(places.mean()), roc(fine, mask.ravel()).area)


def _row(name: str, task: str, inspector: Inspector, cases: list[Case]) -> str:
    pointed = []
    for case in cases:
        prediction = inspector.model.predict(case.pixels)
        if prediction.heatmap is None:
            sys.exit(f"{name}, {task}: the bundle has no heatmap")
        if inspector.judge(prediction.score) != Verdict.OK:
            pointed.append(point(prediction.heatmap, case.mask))
    heatmap = inspector.manifest.heatmap
    hits = sum(one.is_hit for one in pointed)
    what = "rendered" if name == "rendered" else f"{name}, blemishes drawn"
    size = f"{heatmap.width}x{heatmap.height}" if heatmap else ""
    return (
        f"| {what} | {task} | {len(cases)} | {len(pointed)} | {size} | {hits} ({hits / len(pointed):.0%}) | "
        f"{np.mean([one.chance for one in pointed]):.0%} | {np.mean([one.auroc for one in pointed]):.3f} |"
    )


def _table(rows: list[str]) -> str:
    head = (
        "| parts | task | defects | rejected | map | hottest place at the defect | chance | AUROC of pixels |"
    )
    return "\n".join([f"On {machine()}, seed {SEED}.", "", head, f"|{' --- |' * 8}", *rows])


if __name__ == "__main__":
    sys.exit(main())
