"""`make picture`: docs/parts.png, what the demo's bundle says of a dozen simulated parts."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np

from edge.core.decision import Verdict
from edge.core.frame import Frame
from edge.core.runtime import load_model
from edge.inspection.inspector import Inspector
from edge.simulation.parts import DEFECT_KINDS, PartRenderer

ROOT = Path(__file__).parents[1]
COLUMNS, SIDE, BAR = 6, 200, 34
GREEN, RED = (80, 160, 40), (60, 60, 215)  # BGR
KINDS = ("ok", *DEFECT_KINDS)


def main() -> int:
    """Draw it; returns the exit status."""
    inspector = Inspector(load_model(ROOT / "samples" / "demo.tflite"))
    renderer = PartRenderer(seed=7)
    tiles = []
    for row, kinds in enumerate((KINDS, ("ok", *reversed(DEFECT_KINDS)))):
        for column, kind in enumerate(kinds):
            part = renderer.render(row * COLUMNS + column, kind=kind)
            frame = Frame(part.image, 0, captured=0.0, captured_at=datetime.now(UTC))
            inspection = inspector.inspect(frame)
            tiles.append(_tile(part.image, kind, inspection.verdict, inspection.score or 0.0))
    rows = [np.hstack(tiles[start : start + COLUMNS]) for start in range(0, len(tiles), COLUMNS)]
    cv2.imwrite(str(ROOT / "docs" / "parts.png"), np.vstack(rows))
    return 0


def _tile(image: np.ndarray, kind: str, verdict: Verdict, score: float) -> np.ndarray:
    small = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    colour = GREEN if verdict == Verdict.OK else RED
    tile = np.full((SIDE + BAR + 6, SIDE + 6, 3), 255, np.uint8)
    tile[3 : 3 + SIDE, 3 : 3 + SIDE] = cv2.cvtColor(small, cv2.COLOR_GRAY2BGR)
    cv2.rectangle(tile, (3, 3 + SIDE), (2 + SIDE, 2 + SIDE + BAR), colour, -1)
    texts = ((f"{verdict.value} {score:.3f}", 0.5, 15), (f"truth: {kind.replace('_', ' ')}", 0.42, 29))
    for text, size, down in texts:
        at = (9, 3 + SIDE + down)
        cv2.putText(tile, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, (255, 255, 255), 1, cv2.LINE_AA)
    return tile


if __name__ == "__main__":
    sys.exit(main())
