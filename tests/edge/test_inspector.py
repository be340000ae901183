"""The inspector decides on valid frames only."""

import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from edge.decision import Verdict
from edge.frame import Frame
from edge.inspector import Inspector
from edge.model import load_model


def test_a_frame_that_the_camera_spoilt_is_a_fault_whatever_it_shows(bundle: Path) -> None:
    bright = np.full((48, 48), 220, np.uint8)
    good = Frame(bright, 0, time.monotonic(), datetime.now(UTC))
    spoilt = Frame(bright, 1, time.monotonic(), datetime.now(UTC), fault="camera: freeze: the same picture")
    inspector = Inspector(load_model(bundle, threads=1))
    assert inspector.inspect(good).verdict == Verdict.OK
    inspection = inspector.inspect(spoilt)
    assert (inspection.verdict, inspection.score) == (Verdict.FAULT, None)
    assert inspection.reason == "camera: freeze: the same picture"
