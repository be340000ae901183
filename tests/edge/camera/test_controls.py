"""Settings that the camera did not take are named."""

import cv2
import pytest

from edge.camera.controls import apply_controls
from edge.settings.camera import DeviceSettings


class Knobs:
    """Stands for cv2.VideoCapture: takes what is in ``values``, within ``limits``."""

    def __init__(self, limits: dict[int, tuple[float, float]]) -> None:
        self.limits = limits
        self.values: dict[int, float] = {}
        self.order: list[int] = []

    def set(self, prop: int, value: float) -> bool:
        self.order.append(prop)
        if prop not in self.limits:
            return False
        low, high = self.limits[prop]
        self.values[prop] = min(max(value, low), high)
        return True

    def get(self, prop: int) -> float:
        return self.values.get(prop, -1.0)


ANY = (0.0, 1e10)
ALL = dict.fromkeys(
    (
        cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT, cv2.CAP_PROP_FPS, cv2.CAP_PROP_FOURCC,
        cv2.CAP_PROP_EXPOSURE, cv2.CAP_PROP_GAIN, cv2.CAP_PROP_WB_TEMPERATURE, cv2.CAP_PROP_FOCUS,
        cv2.CAP_PROP_AUTO_EXPOSURE, cv2.CAP_PROP_AUTO_WB, cv2.CAP_PROP_AUTOFOCUS,
    ),
    ANY,
)  # fmt: skip
ASKED = DeviceSettings(
    width=1280, height=720, fps=30, fourcc="MJPG", exposure=80, gain=0, white_balance=4600, focus=30
)


def test_an_obedient_camera_ignores_nothing() -> None:
    assert apply_controls(Knobs(ALL), ASKED) == ()


def test_nothing_is_touched_unless_it_is_asked_for() -> None:
    knobs = Knobs(ALL)
    assert apply_controls(knobs, DeviceSettings()) == ()
    assert knobs.order == []


def test_the_automatic_is_ended_before_a_value_is_set() -> None:
    knobs = Knobs(ALL)
    apply_controls(knobs, ASKED)
    assert knobs.order.index(cv2.CAP_PROP_AUTO_EXPOSURE) < knobs.order.index(cv2.CAP_PROP_EXPOSURE)
    assert knobs.order.index(cv2.CAP_PROP_AUTO_WB) < knobs.order.index(cv2.CAP_PROP_WB_TEMPERATURE)
    assert knobs.order.index(cv2.CAP_PROP_AUTOFOCUS) < knobs.order.index(cv2.CAP_PROP_FOCUS)


@pytest.mark.parametrize(
    ("prop", "said"),
    [
        (cv2.CAP_PROP_EXPOSURE, "camera.exposure: asked for 80, the camera has 50"),
        (cv2.CAP_PROP_FRAME_WIDTH, "camera.width: asked for 1280, the camera has 50"),
        (cv2.CAP_PROP_FOURCC, "camera.fourcc: asked for MJPG, the camera has another"),
    ],
)
def test_a_value_that_the_camera_changed_is_named(prop: int, said: str) -> None:
    assert apply_controls(Knobs({**ALL, prop: (0, 50)}), ASKED) == (said,)


def test_a_control_that_the_camera_lacks_is_named() -> None:
    lacking = {prop: limits for prop, limits in ALL.items() if prop != cv2.CAP_PROP_GAIN}
    assert apply_controls(Knobs(lacking), ASKED) == ("camera.gain: asked for 0, the camera has none",)
