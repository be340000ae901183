"""The gate's pins, with pins that are not there."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from edge.core.decision import Verdict
from edge.core.errors import SettingsError
from edge.gate.controller import GateController
from edge.gate.gate import GateCommand
from edge.outputs.events import PartSeen
from edge.outputs.pins.pins import GatePins, check_pins, named_lines
from edge.outputs.requests import Receiver
from edge.settings.gate import GateSettings
from edge.settings.pins import PinSettings
from edge.settings.trigger import FreeRunSettings, InputSettings
from edge.trigger.inputs import Edge, LineAddress
from testing.waiting import wait_for


class Rack:
    """Every pin of a device: edges to give, levels that were set."""

    def __init__(self) -> None:
        self.edges: dict[str, queue.Queue[list[Edge]]] = {
            "pins.encoder": queue.Queue(),
            "pins.bin": queue.Queue(),
        }
        self.levels: list[bool] = []
        self.broken: set[str] = set()

    def open_input(self, address: LineAddress) -> "FakeInput":
        if address.setting in self.broken:
            raise OSError("busy")
        return FakeInput(self, address.setting)

    def open_output(self, _settings: PinSettings, _line: int) -> "FakeOutput":
        if "pins.ejector" in self.broken:
            raise OSError("busy")
        return FakeOutput(self)


class FakeInput:
    def __init__(self, rack: Rack, name: str) -> None:
        self._edges = rack.edges[name]

    def events(self, wait_s: float) -> list[Edge]:
        try:
            return self._edges.get(timeout=wait_s)
        except queue.Empty:
            return []

    def close(self) -> None:
        pass


class FakeOutput:
    def __init__(self, rack: Rack) -> None:
        self._rack = rack

    def set(self, *, active: bool) -> None:
        self._rack.levels.append(active)

    def close(self) -> None:
        pass


class Belt:
    """The part of a station that the pins ask, done as there."""

    def __init__(self, controller: GateController) -> None:
        self.belt_counts = controller.count
        self.belt_lost = controller.lose
        self.confirmed = controller.confirm


PART = PartSeen("A-1", 1, 0.0)
ENCODER = {"belt": "encoder", "travel_counts": 100, "min_gap_counts": 5, "encoder_silence_ms": 1000}


@pytest.fixture(autouse=True)
def _gpiod_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.outputs.pins.pins.import_gpiod", lambda _: None)


@pytest.fixture
def rig() -> Iterator[Callable[..., tuple[GatePins, GateController, Rack]]]:
    made: list[tuple[GatePins, GateController]] = []

    def make(gate: dict[str, Any], rack: Rack, **pins: Any) -> tuple[GatePins, GateController, Rack]:
        settings, chosen = GateSettings.model_validate(gate), PinSettings(**pins)
        holder: list[GatePins] = []

        def eject(command: GateCommand) -> bool:
            return holder[0].gate_role == "none" or holder[0].command(command)

        controller = GateController(settings, send=eject)
        holder.append(
            GatePins(
                chosen, settings, FreeRunSettings(), cast("Receiver", Belt(controller)),
                on_missed=lambda _: None, open_input=rack.open_input, open_output=rack.open_output,
            )
        )  # fmt: skip
        controller.watch(-1e6)
        holder[0].start()
        controller.start()
        made.append((holder[0], controller))
        return holder[0], controller, rack

    yield make
    for pins, controller in made:
        controller.stop(wait_s=0)
        pins.stop()


Rig = Callable[..., tuple[GatePins, GateController, Rack]]


def test_a_rejected_part_is_a_pulse_of_the_ejector(rig: Rig) -> None:
    pins, controller, rack = rig({"travel_ms": 1000, "window_ms": 500, "min_gap_ms": 600}, Rack(), ejector=4)
    wait_for(lambda: pins.health.fault is None and pins.command(_far_away()))
    controller.decide(controller.expect("a", time.monotonic()), Verdict.DEFECT)
    wait_for(lambda: rack.levels == [True, False])


def test_the_edges_of_a_line_are_the_encoder_of_the_belt(rig: Rig) -> None:
    _, controller, rack = rig(ENCODER, Rack(), encoder=5)
    assert controller.lost is not None
    rack.edges["pins.encoder"].put([Edge(time.monotonic(), 1)])
    wait_for(lambda: controller.lost is None)


def test_a_standing_belt_is_believed_until_parts_come(rig: Rig) -> None:
    pins, controller, rack = rig({**ENCODER, "encoder_silence_ms": 300}, Rack(), encoder=5)
    rack.edges["pins.encoder"].put([Edge(time.monotonic(), 1)])
    wait_for(lambda: controller.lost is None)
    pins.part_seen(PART)
    threading.Event().wait(0.6)
    assert controller.lost is None, "the belt stands, and may"
    pins.part_seen(PART)
    wait_for(lambda: controller.lost == "the encoder is silent")


def test_the_sensor_at_the_bin_confirms(rig: Rig) -> None:
    _, controller, rack = rig({"confirm_ms": 100}, Rack(), bin=6)
    rack.edges["pins.bin"].put([Edge(1.0, 1), Edge(1.1, 2)])
    wait_for(lambda: controller.counts.unexpected == 2)


def test_pins_that_cannot_be_used_are_named_and_nobody_knows_where_the_belt_is(rig: Rig) -> None:
    rack = Rack()
    rack.broken = {"pins.ejector", "pins.encoder", "pins.bin"}
    pins, controller, _ = rig({**ENCODER, "confirm_ms": 100}, rack, ejector=4, encoder=5, bin=6)
    wait_for(lambda: pins.health.fault is not None)
    assert str(pins.health.trouble).startswith("pins.")
    assert controller.lost is not None
    assert not pins.command(_far_away())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("pin", ["ejector", "encoder", "bin"])
def test_a_pin_whose_thread_ended_is_no_sign_of_life(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, pin: str
) -> None:
    def mistake(*_: object) -> None:
        raise RuntimeError("a mistake")

    whole, _, _ = rig({**ENCODER, "confirm_ms": 100}, Rack(), **{pin: 4})
    wait_for(lambda: whole.health.trouble is None)
    monkeypatch.setattr(Rack, "open_output" if pin == "ejector" else "open_input", mistake)
    broken, _, _ = rig({**ENCODER, "confirm_ms": 100}, Rack(), **{pin: 4})
    wait_for(lambda: not broken.health.is_alive)
    assert whole.health.is_alive


@pytest.mark.parametrize(
    ("gate", "pins", "said"),
    [
        ({}, {"encoder": 5}, 'pins.encoder: needs gate.belt = "encoder"'),
        ({}, {"bin": 5}, "pins.bin: needs gate.confirm_ms"),
        ({**ENCODER, "encoder_silence_ms": 50}, {"encoder": 5}, "gate.encoder_silence_ms of at least 60"),
        (ENCODER, {"encoder": 5, "ejector": 5}, "pins.encoder: line 5 is that of pins.ejector"),
    ],
)
def test_pins_that_do_not_fit_are_refused(gate: dict[str, Any], pins: dict[str, int], said: str) -> None:
    with pytest.raises(SettingsError, match=said.replace(".", r"\.")):
        check_pins(PinSettings(**pins), GateSettings.model_validate(gate), FreeRunSettings())


def test_a_line_cannot_be_an_ejector_and_announce_parts() -> None:
    trigger = InputSettings(line=4)
    with pytest.raises(
        SettingsError, match=r"trigger\.line: line 4 is that of pins\.ejector; expected another"
    ):
        check_pins(PinSettings(ejector=4), GateSettings(), trigger)
    check_pins(PinSettings(ejector=4, chip="/dev/gpiochip1"), GateSettings(), trigger)


def test_every_pin_in_use_has_a_name() -> None:
    trigger = InputSettings(chip="/dev/gpiochip1", line=7)
    assert named_lines(PinSettings(ejector=4, bin=6), trigger) == {
        "pins.ejector": ("/dev/gpiochip0", 4),
        "pins.bin": ("/dev/gpiochip0", 6),
        "trigger.line": ("/dev/gpiochip1", 7),
    }


def _far_away() -> GateCommand:
    """A command that is never carried out here."""
    return GateCommand("far away", "reject", time.monotonic() + 1, time.monotonic() - 1, 1.0)
