"""The inspector decides on valid frames only."""

import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from edge.core.decision import Verdict
from edge.core.frame import Frame
from edge.core.runtime import load_model
from edge.inspection.inspector import Inspector
from testing.toy_model import MAP, toy_bundle_bytes


def test_an_inspection_has_the_heatmap_of_its_bundle(tmp_path: Path, bundle: Path) -> None:
    frame = Frame(np.full((48, 48), 220, np.uint8), 0, time.monotonic(), datetime.now(UTC))
    (tmp_path / "shown.tflite").write_bytes(toy_bundle_bytes(order=("logits", "heatmap")))
    shown = Inspector(load_model(tmp_path / "shown.tflite")).inspect(frame).heatmap
    assert shown is not None
    assert shown.shape == (MAP, MAP)
    assert Inspector(load_model(bundle)).inspect(frame).heatmap is None


def test_a_frame_that_the_camera_spoilt_is_a_fault_whatever_it_shows(bundle: Path) -> None:
    bright = np.full((48, 48), 220, np.uint8)
    good = Frame(bright, 0, time.monotonic(), datetime.now(UTC))
    spoilt = Frame(bright, 1, time.monotonic(), datetime.now(UTC), fault="camera: freeze: the same picture")
    inspector = Inspector(load_model(bundle, threads=1))
    assert inspector.inspect(good).verdict == Verdict.OK
    inspection = inspector.inspect(spoilt)
    assert (inspection.verdict, inspection.score) == (Verdict.FAULT, None)
    assert inspection.reason == "camera: freeze: the same picture"
