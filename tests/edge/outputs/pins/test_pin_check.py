"""Pins that are missing are named before anybody starts the line."""

import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest

from edge.core.errors import LinegateError
from edge.outputs.pins.pin_check import try_pins
from edge.settings.load_settings import load_settings


class Chip:
    """A chip with 8 lines, of which line 3 is in use."""

    def __init__(self, path: str) -> None:
        if path != "/dev/gpiochip0":
            raise OSError(19, "No such device")

    def __enter__(self) -> "Chip":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def get_info(self) -> SimpleNamespace:
        return SimpleNamespace(num_lines=8)

    def get_line_info(self, line: int) -> SimpleNamespace:
        return SimpleNamespace(used=line == 3, consumer="heater" if line == 3 else "", name=f"GPIO{line}")


@pytest.fixture(autouse=True)
def _a_device_with_pins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gpiod", SimpleNamespace(Chip=Chip))


def found(**flags: str) -> str:
    names: Mapping[str, str] = {key.replace("__", "."): value for key, value in flags.items()}
    try:
        return try_pins(load_settings(None, names))
    except LinegateError as error:
        return f"wrong: {error}"


def test_without_pins_there_is_nothing_to_look_at() -> None:
    assert found() == "none are used"


def test_pins_that_are_there_and_free_are_named() -> None:
    assert found(pins__ejector="4") == "pins.ejector: line 4 of /dev/gpiochip0 (GPIO4) is free"


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"pins__ejector": "8"}, "pins.ejector: /dev/gpiochip0 has no line 8; expected 0 to 7"),
        ({"pins__ejector": "3"}, "pins.ejector: line 3 of /dev/gpiochip0 is used by heater"),
        ({"pins__ejector": "1", "pins__chip": "/dev/gpiochip9"}, "no such device; pins here: "),
        ({"trigger__kind": "input", "trigger__line": "9"}, "trigger.line: /dev/gpiochip0 has no"),
        ({"pins__bin": "1"}, "pins.bin: needs gate.confirm_ms"),
    ],
)
def test_a_pin_that_cannot_be_used_is_named_with_what_mends_it(flags: dict[str, str], said: str) -> None:
    text = found(**flags)
    assert text.startswith("wrong: ")
    assert said in text


def test_a_file_that_is_no_device_of_pins_is_said(tmp_path: Path) -> None:
    file = tmp_path / "chip"
    file.touch()
    assert "not a device of pins (No such device)" in found(pins__ejector="1", pins__chip=str(file))


def test_without_its_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gpiod", None)
    assert (
        found(pins__ejector="1") == "wrong: pins.ejector: needs the extra gpio: pip install 'linegate[gpio]'"
    )
