"""The value of white of 16 bits is what the bundle that decides expects, also after a change."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

import edge.station.app
from edge.camera.depth import Depth
from edge.core.decision import Verdict
from edge.core.frame import Frame
from edge.core.samples import Samples
from edge.core.tones import to_eight_bits
from edge.deployment.deployment import Deployment
from edge.deployment.load import load_inspector
from edge.outputs.requests import CommandRequest, WaitingCommand
from edge.settings.camera import AnyCameraSettings
from edge.settings.load_settings import load_settings
from edge.settings.recipe import NamedRecipe
from edge.settings.settings import Settings
from tests.edge.deployment.bundles import store

RAW = 700  # bright where 10 bits are used, dark where 12 are


def settings_of(folder: Path, bits: int | None, *, camera_bits: int | None = None) -> Settings:
    bundle = store(folder, f"of-{bits}.tflite", bits=bits)
    flags = {
        "model.path": str(bundle.path), "model.watch_s": "0", "mqtt.enabled": "false",
        "journal.path": str(folder / "journal.sqlite"), "gate.min_gap_ms": "0.01", "gate.window_ms": "0.01",
    }  # fmt: skip
    if camera_bits is not None:
        flags["camera.bits"] = str(camera_bits)
    return load_settings(None, flags)


def deep_frame(taken: int, *, number: int = 0) -> Frame:
    raw = np.full((32, 32), RAW, np.uint16)
    image = np.asarray(to_eight_bits(raw, Samples(is_deep=True), taken, "camera"), np.uint8)
    return Frame(image, number, time.monotonic(), datetime.now(UTC), bits=taken)


@pytest.mark.parametrize(
    ("of_bundle", "of_settings", "used"), [(12, None, 12), (12, 10, 10), (None, 14, 14), (None, None, None)]
)
def test_the_camera_s_setting_counts_more_than_the_bundle(
    tmp_path: Path, of_bundle: int | None, of_settings: int | None, used: int | None
) -> None:
    assert load_inspector(settings_of(tmp_path, of_bundle, camera_bits=of_settings)).bits == used


def test_a_frame_that_was_read_for_another_bundle_is_a_fault_of_its_own(tmp_path: Path) -> None:
    inspector = load_inspector(settings_of(tmp_path, 12))
    right, wrong = inspector.inspect(deep_frame(12)), inspector.inspect(deep_frame(10))
    assert (right.verdict, right.reason) == (Verdict.DEFECT, None)
    assert wrong.verdict == Verdict.FAULT
    assert wrong.frame.fault == wrong.reason
    assert "10 of 16 bits were taken for white; this bundle takes 12" in str(wrong.reason)


class _DeepCamera:
    """Gives frames of 16 bits, read as is wanted at the moment; switches the recipe after some of them."""

    description, live, ignored = "deep", False, ()

    def __init__(self, depth: Depth, frames: Iterator[None]) -> None:
        self._depth = depth
        self._frames = frames
        self._number = 0

    def read(self) -> Frame | None:
        if next(self._frames, StopIteration) is StopIteration:
            return None
        self._number += 1
        return deep_frame(self._depth.taken, number=self._number)

    def close(self) -> None:
        pass


def test_the_camera_follows_the_bundle_that_a_recipe_brings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(tmp_path, 10)
    other = NamedRecipe(bundle=str(store(tmp_path, "of-12.tflite", bits=12).path))
    settings = settings.model_copy(update={"recipes": {"can": other}})
    answers: list[object] = []

    def frames() -> Iterator[None]:
        for _ in range(5):
            time.sleep(0.01)
            yield
        command = {"id": "1", "command": "recipe", "recipe": "can"}
        request = CommandRequest.model_validate_json(json.dumps(command))
        app.station.requests.command(WaitingCommand(request, answers.append))
        until = time.monotonic() + 20
        while not answers and time.monotonic() < until:
            time.sleep(0.01)
            yield
        for _ in range(8):
            time.sleep(0.01)
            yield

    def open_deep(_settings: AnyCameraSettings, depth: Depth) -> _DeepCamera:
        return _DeepCamera(depth, frames())

    monkeypatch.setattr(edge.station.app, "open_camera", open_deep)
    app = edge.station.app.App(Deployment(settings, load_inspector(settings)))
    found: dict[str, list[Verdict]] = {}
    add = app.station.counts.add

    def note(inspection: object) -> None:
        recipe = app.station.manager.deployment.inspector.recipe
        found.setdefault(recipe, []).append(inspection.verdict)  # type: ignore[attr-defined]
        add(inspection)  # type: ignore[arg-type]

    app.station.counts.add = note  # type: ignore[method-assign]
    app.run()
    assert set(found["default"]) == {Verdict.OK}
    assert found["can"].count(Verdict.DEFECT) >= 5
    assert Verdict.OK not in found["can"]
