"""A station without a broker: what becomes of a part, and what the gate is told."""

import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from edge.core.decision import Verdict
from edge.core.errors import RequestError, SettingsError
from edge.core.frame import Frame
from edge.gate.gate import NO_ENCODER, GateCommand
from edge.inspection.inspector import Inspection
from edge.outputs.events import PartDecided, PartSeen
from edge.outputs.named import Wiring, make_outputs
from edge.outputs.output import GateRole, Output
from edge.outputs.outputs import Outputs
from edge.records.journal import Journal
from edge.settings.alarms import Alarm
from edge.station.health import TOO_LATE
from edge.trigger.inputs import Edge
from edge.trigger.trigger import PartFrame
from testing.waiting import wait_for
from tests.edge.station.stand import BAD, GOOD, Stand

COMMAND_OF_OUTPUTS = Outputs.command  # the stand notes commands in its place


def test_a_good_part_passes_and_a_bad_one_is_rejected(stand: Callable[..., Stand]) -> None:
    here = stand(gate__travel_ms=5000)
    here.show(GOOD)
    time.sleep(0.03)
    here.show(BAD)
    assert [inspection.verdict for inspection in here.found] == [Verdict.OK, Verdict.DEFECT]
    assert [c.action for c in here.commands if c.part is not None] == ["reject"]
    assert here.state == "running"


def test_a_part_whose_inspection_hangs_is_rejected_while_it_hangs(
    stand: Callable[..., Stand], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = stand(gate__travel_ms=2100, gate__margin_ms=1000)
    may_go_on = threading.Event()
    inspect = here.inspector.inspect

    def hang(frame: Frame) -> Inspection:
        may_go_on.wait(5)
        return inspect(frame)

    monkeypatch.setattr(here.inspector, "inspect", hang)
    line = threading.Thread(target=here.show)
    line.start()
    assert here.told(lambda command: command.part is not None and command.action == "reject")
    may_go_on.set()
    line.join()
    assert [(i.verdict, i.reason) for i in here.found] == [
        (Verdict.FAULT, "no verdict by the time its part was at the gate")
    ]


def test_parts_that_go_by_without_their_command_are_an_alarm(
    stand: Callable[..., Stand], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Outputs, "command", lambda *_: False)
    here = stand(gate__travel_ms=50)
    told: list[tuple[str, str | None]] = []
    monkeypatch.setattr(here.station.alarms, "tell", lambda name, trouble: told.append((name, trouble)))
    here.show(BAD)

    def is_told() -> bool:
        here.station.poll()
        return ("gate", TOO_LATE) in told

    wait_for(is_told)
    told.clear()
    here.station.poll()
    assert ("gate", None) in told


def test_a_disk_that_hangs_holds_up_neither_the_gate_nor_the_next_part(
    stand: Callable[..., Stand], monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = threading.Event()
    monkeypatch.setattr(Journal, "append", lambda *_: goes_on.wait(60))
    here = stand(gate__travel_ms=60000, gate__max_parts=100)
    for _ in range(5):
        here.show(BAD)
        time.sleep(0.03)
    rejected = [command for command in here.commands if command.part is not None]
    assert (len(here.found), len(rejected)) == (5, 5)
    goes_on.set()


def test_whatever_inspection_raises_the_part_is_a_fault(
    stand: Callable[..., Stand], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = stand()

    def fail(frame: Frame) -> Inspection:
        raise ZeroDivisionError("no")

    monkeypatch.setattr(here.inspector, "inspect", fail)
    here.show()
    assert [(i.verdict, i.reason) for i in here.found] == [(Verdict.FAULT, "ZeroDivisionError: no")]


def test_a_part_of_which_frames_were_lost_is_a_fault_though_the_others_are_ok(
    stand: Callable[..., Stand],
) -> None:
    here = stand(gate__travel_ms=5000)
    part = here.station.parts.expect("A-1", time.monotonic())
    part.trouble = "only 1 of 3 frames of this part came in time"
    image = np.full((32, 32), GOOD, np.uint8)
    frame = Frame(image, 0, captured=time.monotonic(), captured_at=datetime.now(UTC))
    here.station.pipeline.inspect(PartFrame(part, frame), max_age_s=0.3)
    (found,) = here.found
    assert (found.verdict, found.reason) == (Verdict.FAULT, part.trouble)


def test_an_ejector_on_a_pin_needs_no_broker_and_one_that_is_missing_is_a_fault(
    stand: Callable[..., Stand], monkeypatch: pytest.MonkeyPatch
) -> None:
    plugged_in = threading.Event()
    levels: list[bool] = []

    class Valve:
        def __init__(self, *_: object, **__: object) -> None:
            if not plugged_in.is_set():
                raise OSError("No such device")

        def set(self, *, active: bool) -> None:
            levels.append(active)

        def close(self) -> None:
            pass

    monkeypatch.setattr("edge.outputs.pins.pins.import_gpiod", lambda _: None)
    monkeypatch.setattr("edge.outputs.pins.pins.GpioOutput", Valve)
    monkeypatch.setattr("edge.outputs.pins.ejector.REOPEN_S", 0.01)
    published: list[GateCommand] = []

    class Broker(Output):
        name = "the link to the broker"
        alarm = Alarm.BROKER
        gate_role: GateRole = "tells"

        def command(self, command: GateCommand) -> bool:
            published.append(command)
            return False

    monkeypatch.setattr("edge.station.app.make_outputs", lambda wiring: [*make_outputs(wiring), Broker()])
    monkeypatch.setattr(Outputs, "command", COMMAND_OF_OUTPUTS)
    here = stand(pins__ejector=4, gate__travel_ms=60)
    deadline = time.monotonic() + 10
    while here.state != "fault" and time.monotonic() < deadline:
        here.station.poll()
    assert here.state == "fault"
    assert published == [], "a command that cannot be carried out is not published again and again"
    plugged_in.set()
    while True not in levels and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    assert levels[0] is True, "what went by unseen is rejected, without a broker"
    here.station.poll()
    assert here.state == "ready"


def test_outputs_hear_of_each_part_when_it_is_seen_and_when_it_is_decided(
    stand: Callable[..., Stand], monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[PartSeen | PartDecided] = []
    turns: list[float] = []
    runs: list[str] = []

    class Hearing(Output):
        name = "hearing"

        def line_turned(self) -> None:
            turns.append(time.monotonic())

        def part_seen(self, seen: PartSeen) -> None:
            heard.append(seen)

        def part_decided(self, decided: PartDecided) -> None:
            heard.append(decided)

    def make(wiring: Wiring) -> list[Output]:
        runs.append(wiring.run)
        return [Hearing()]

    monkeypatch.setattr("edge.station.app.make_outputs", make)
    here = stand(gate__travel_ms=5000)
    begun = time.monotonic()
    here.show(GOOD)
    time.sleep(0.03)  # farther apart than gate.min_gap_ms
    here.show(BAD)
    first, second = (message.part for message in here.messages)
    assert [(type(event), event.part, event.number) for event in heard] == [
        (PartSeen, first, 1), (PartDecided, first, 1), (PartSeen, second, 2), (PartDecided, second, 2),
    ]  # fmt: skip
    assert [event.verdict for event in heard if isinstance(event, PartDecided)] == ["ok", "defect"]
    assert all(begun <= event.at <= time.monotonic() for event in heard if isinstance(event, PartSeen))
    assert [message.id for message in here.messages] == [f"{runs[0]}-0", f"{runs[0]}-1"]
    assert len(turns) == 2, "the stand turns the line once a part"


def test_a_file_whose_name_is_no_text_has_its_record(stand: Callable[..., Stand], tmp_path: Path) -> None:
    here = stand(gate__travel_ms=5000)
    here.show(source=os.fsdecode(b"\xff.png"))
    assert here.station.stop(drain_s=0) == 0
    database = sqlite3.connect(tmp_path / "journal.sqlite")
    kept = [json.loads(text) for (text,) in database.execute("SELECT message FROM inspections")]
    database.close()
    assert [(message["verdict"], message["source"]) for message in kept] == [("ok", r"\udcff.png")]


def test_simulated_parts_never_move_the_ejector_of_this_device(
    stand: Callable[..., Stand], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    opened: list[object] = []
    monkeypatch.setattr("edge.outputs.pins.pins.import_gpiod", lambda _: None)
    monkeypatch.setattr("edge.outputs.pins.pins.GpioOutput", lambda *address, **_: opened.append(address))
    here = stand(simulated=True, pins__ejector=4, gate__travel_ms=5000)
    here.show(BAD)
    assert [command.action for command in here.commands if command.part is not None] == ["reject"]
    assert here.station.stop(drain_s=0) == 0
    assert opened == []
    assert "pins.ejector: is left alone" in caplog.text


def test_an_old_frame_is_a_fault(stand: Callable[..., Stand]) -> None:
    here = stand()
    here.show(age_s=0.31)
    (found,) = here.found
    assert found.verdict == Verdict.FAULT
    assert "ms old" in str(found.reason)


def test_no_part_passes_while_the_station_says_that_the_camera_fails(stand: Callable[..., Stand]) -> None:
    # A good frame may have waited while the guard saw damaged ones after it.
    here = stand()
    here.station.camera("camera: half decoded")
    here.show()
    here.station.camera(None)
    time.sleep(0.03)  # farther apart than gate.min_gap_ms
    here.show()
    assert [found.verdict for found in here.found] == [Verdict.FAULT, Verdict.OK]
    assert here.found[0].reason == "camera: half decoded"


def test_while_stopped_nothing_is_inspected_and_what_goes_by_is_rejected(
    stand: Callable[..., Stand],
) -> None:
    here = stand(gate__travel_ms=60, gate__min_gap_ms=20)
    here.show()
    here.command("stop")
    here.command("stop")
    here.show()
    assert here.state == "stopped"
    assert len(here.found) == 1
    seen = time.monotonic()
    assert here.told(lambda c: c.part is None and c.due > seen)
    here.command("start")
    here.show()
    assert here.state == "running"
    assert len(here.found) == 2


def test_a_frame_that_was_dropped_is_a_part_that_nobody_saw(stand: Callable[..., Stand]) -> None:
    here = stand(gate__travel_ms=150)
    here.show()
    time.sleep(0.4)
    here.commands.clear()
    here.show(missing=1)
    assert here.told(lambda command: command.part is None)


def test_a_latched_fault_keeps_parts_from_passing_until_it_is_reset(stand: Callable[..., Stand]) -> None:
    here = stand(station__latch_faults="true")
    here.show()
    here.station.camera("no frame")
    here.station.camera(None)
    assert here.state == "fault"
    time.sleep(0.03)
    here.show()
    here.command("reset")
    time.sleep(0.03)
    here.show()
    assert [inspection.verdict for inspection in here.found] == [Verdict.OK, Verdict.FAULT, Verdict.OK]
    assert here.found[1].reason == "no frame; over, waits for a reset"
    assert here.state == "running"


@pytest.mark.parametrize(
    "flags",
    [
        {"trigger__kind": "message"},
        {"gate__confirm_ms": "100"},
        {"gate__belt": "message", "gate__min_gap_ms": "40"},
    ],
)
def test_what_needs_messages_needs_a_broker(stand: Callable[..., Stand], flags: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=r"mqtt\.enabled: false"):
        stand(**flags)


def test_an_input_line_needs_its_extra(stand: Callable[..., Stand], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "gpiod", None)
    with pytest.raises(SettingsError, match=r"linegate\[gpio\]"):
        stand(trigger__kind="input")


def test_a_part_on_an_input_line_gets_the_next_frame_or_is_a_fault(
    stand: Callable[..., Stand], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Barrier:
        def __init__(self, _settings: object) -> None:
            self._waiting = [[Edge(time.monotonic(), 1)]]

        def events(self, wait_s: float) -> list[Edge]:
            if self._waiting:
                return self._waiting.pop()
            threading.Event().wait(wait_s)
            return []

        def close(self) -> None:
            pass

    monkeypatch.setattr("edge.outputs.pins.pins.import_gpiod", lambda _: None)
    monkeypatch.setattr("edge.trigger.input_line.GpioPin", Barrier)
    here = stand(trigger__kind="input", trigger__timeout_ms=50)
    deadline = time.monotonic() + 5
    while not here.found and time.monotonic() < deadline:
        threading.Event().wait(0.01)
        here.station.poll()
    assert [(i.verdict, i.reason) for i in here.found] == [
        (Verdict.FAULT, "no frame of this part came in time")
    ]


def test_at_the_end_a_part_that_waits_for_its_frame_is_a_fault_with_a_record(
    stand: Callable[..., Stand], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Silent:
        def __init__(self, _settings: object) -> None:
            pass

        def events(self, wait_s: float) -> list[Edge]:
            threading.Event().wait(wait_s)
            return []

        def close(self) -> None:
            pass

    monkeypatch.setattr("edge.outputs.pins.pins.import_gpiod", lambda _: None)
    monkeypatch.setattr("edge.trigger.input_line.GpioPin", Silent)
    states: list[str] = []
    monkeypatch.setattr(Outputs, "state_changed", lambda _self, said: states.append(said.state))
    here = stand(trigger__kind="input", trigger__timeout_ms=60000, gate__travel_ms=60000)
    here.station.trigger.announce("a", time.monotonic())
    assert here.station.stop(drain_s=0) == 0
    assert [(m.part, m.verdict, m.action) for m in here.messages] == [("a", "fault", "reject")]
    assert here.messages[0].reason == "the station was stopped"
    assert [c.action for c in here.commands if c.part == "a"] == ["reject"]
    assert states[-1] == "stopped"


def test_at_the_end_a_part_that_has_more_frames_to_give_is_a_fault_with_a_record(
    stand: Callable[..., Stand],
) -> None:
    here = stand(
        trigger__kind="seen", trigger__frames=3, trigger__learn_frames=1, trigger__max_pause_ms=60000,
        gate__travel_ms=60000,
    )  # fmt: skip
    for level in (GOOD, GOOD, BAD):
        here.show(level)
    assert here.messages == []
    assert here.station.stop(drain_s=0) == 0
    assert [(m.verdict, m.action, m.frames) for m in here.messages] == [("fault", "reject", 1)]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_input_line_that_nobody_reads_any_more_is_no_sign_of_life(
    stand: Callable[..., Stand], monkeypatch: pytest.MonkeyPatch
) -> None:
    def mistake(_: object) -> None:
        raise RuntimeError("a mistake")

    monkeypatch.setattr("edge.outputs.pins.pins.import_gpiod", lambda _: None)
    monkeypatch.setattr("edge.trigger.input_line.GpioPin", mistake)
    here = stand(trigger__kind="input")
    deadline = time.monotonic() + 20
    while here.station.health.vitals().threads["the trigger's line"]:
        assert time.monotonic() < deadline
        threading.Event().wait(0.005)
    assert here.station.health.vitals().threads == {
        "the gate": True,
        "the live view": True,
        "the pins": True,
        "the recorder": True,
        "the trigger's line": False,
    }


@pytest.mark.parametrize("mode", ["reject-on-defect", "reject-unless-ok"])
def test_a_count_without_an_encoder_is_refused_and_its_part_does_not_pass(
    stand: Callable[..., Stand], mode: str
) -> None:
    no_broker = {"mqtt__enabled": "true", "mqtt__port": 1}
    here = stand(trigger__kind="message", gate__mode=mode, gate__travel_ms=5000, **no_broker)
    here.station.requests.triggered("before", time.monotonic(), None)
    here.show(GOOD)
    time.sleep(0.03)  # farther apart than gate.min_gap_ms
    seen = time.monotonic()
    with pytest.raises(RequestError, match=r'^count: .*gate\.belt = "encoder"'):
        here.station.requests.triggered("x", seen, 500)
    here.show(GOOD)
    before, counted = here.messages
    assert (before.part, before.verdict, before.action) == ("before", "ok", "pass")
    assert (counted.part, counted.verdict, counted.action) == ("x", "fault", "reject")
    assert counted.reason == NO_ENCODER
    of_part = [command for command in here.commands if command.part == "x"]
    if mode == "reject-on-defect":
        assert [command.due for command in of_part] == [pytest.approx(seen + 5)]
    else:
        assert of_part == []
