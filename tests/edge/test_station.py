"""A station without a broker: what becomes of a part, and what the gate is told."""

import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.changes.served import Served
from edge.decision import Verdict
from edge.errors import SettingsError
from edge.frame import Frame
from edge.gate.gate import GateCommand
from edge.images import Image
from edge.inspector import Inspection, Inspector
from edge.load_settings import load_settings
from edge.model import load_model
from edge.mqtt.announcer import Announcer
from edge.mqtt.client import Incoming
from edge.mqtt.messages import VerdictMessage
from edge.pins.inputs import Edge
from edge.records.journal import Journal
from edge.settings import NamedRecipe, RecipeGate
from edge.station import TOO_LATE, Station
from edge.trigger.announced import Announced
from edge.trigger.trigger import Look
from tests.edge.changes.bundles import store
from tests.waiting import wait_for

GOOD, BAD = 200, 40


class Stand:
    """A station, what it told the gate, and what it found."""

    def __init__(self, station: Station, inspector: Inspector, commands: list[GateCommand]) -> None:
        self.station = station
        self.inspector = inspector
        self.commands = commands
        self.found: list[Inspection] = []
        add = station.statistics.add

        def note(inspection: Inspection) -> None:
            self.found.append(inspection)
            add(inspection)

        station.statistics.add = note  # type: ignore[method-assign]
        self.messages: list[VerdictMessage] = []
        record = station._recorder.record

        def keep(message: VerdictMessage, image: Image) -> None:
            self.messages.append(message)
            record(message, image)

        station._recorder.record = keep  # type: ignore[method-assign]
        self._sequence = 0

    def show(
        self, level: int = GOOD, *, age_s: float = 0.0, missing: int = 0, source: str | None = None
    ) -> None:
        """A frame of this brightness; ``missing`` frames before it were dropped."""
        self._sequence += 1 + missing
        image = np.full((32, 32), level, np.uint8)
        captured = time.monotonic() - age_s
        now = datetime.now(UTC)
        frame = Frame(image, self._sequence, captured=captured, captured_at=now, source=source)
        self.station.see(frame, max_age_s=0.3)
        self.station.tend()

    def command(self, name: str, **more: str) -> None:
        """A command as it comes in."""
        payload = json.dumps({"id": str(time.monotonic_ns()), "command": name, **more}).encode()
        self.station._inbox.receive(Incoming("inspection/a/command", payload, retained=False, received=0.0))
        self.station.tend()

    def change(self, name: str, **more: str) -> None:
        """A command that is done beside the line; returns when the line has taken it."""
        before = self.station._inspector
        self.command(name, **more)
        deadline = time.monotonic() + 20
        while self.station._inspector is before:
            assert time.monotonic() < deadline
            threading.Event().wait(0.005)
            self.station.tend()

    def recorded(self) -> list[tuple[str, str, str, int]]:
        """Verdict, model, recipe and frames of every part, as they are recorded."""
        return [(m.verdict, m.model_id, m.recipe, m.frames) for m in self.messages]

    @property
    def state(self) -> str:
        return self.station._states.current[0]

    def told(self, condition: Callable[[GateCommand], bool]) -> bool:
        """Whether such a command was given within a moment."""
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            if any(condition(command) for command in list(self.commands)):
                return True
            threading.Event().wait(0.005)
        return False


@pytest.fixture
def stand(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Stand]]:
    commands: list[GateCommand] = []

    def send(_self: Announcer, command: GateCommand, _now: float) -> bool:
        commands.append(command)
        return True

    monkeypatch.setattr(Announcer, "command", send)
    made: list[Station] = []

    def make(
        recipes: dict[str, NamedRecipe] | None = None, *, simulated: bool = False, **flags: Any
    ) -> Stand:
        inspector = Inspector(load_model(bundle, threads=1))
        wanted = {"mqtt.enabled": "false", **{k.replace("__", "."): str(v) for k, v in flags.items()}}
        wanted = {"model.path": str(bundle), "model.folder": str(tmp_path), "model.watch_s": "0", **wanted}
        settings = load_settings(None, wanted).model_copy(update={"recipes": recipes or {}})
        served = Served(settings, inspector)
        station = Station(served, simulated=simulated, journal=tmp_path / "journal.sqlite")
        made.append(station)
        station.start()
        station.run()
        return Stand(station, inspector, commands)

    yield make
    for station in made:
        station.stop(drain_s=0)


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
    monkeypatch.setattr(Announcer, "command", lambda *_: False)
    here = stand(gate__travel_ms=50)
    told: list[tuple[str, str | None]] = []
    monkeypatch.setattr(here.station.alarms, "tell", lambda name, trouble: told.append((name, trouble)))
    here.show(BAD)

    def is_told() -> bool:
        here.station.tend()
        return ("gate", TOO_LATE) in told

    wait_for(is_told)
    told.clear()
    here.station.tend()
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
    part = here.station.expect("A-1", time.monotonic())
    part.trouble = "only 1 of 3 frames of this part came in time"
    image = np.full((32, 32), GOOD, np.uint8)
    frame = Frame(image, 0, captured=time.monotonic(), captured_at=datetime.now(UTC))
    here.station._look(Look(part, frame), 0.3)
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

    monkeypatch.setattr("edge.pins.pins.import_gpiod", lambda _: None)
    monkeypatch.setattr("edge.pins.pins.GpioOutput", Valve)
    monkeypatch.setattr("edge.pins.ejector._REOPEN_S", 0.01)
    published: list[GateCommand] = []

    def publish(_self: Announcer, command: GateCommand, _now: float) -> bool:
        published.append(command)
        return False

    monkeypatch.setattr(Announcer, "command", publish)
    here = stand(pins__ejector=4, gate__travel_ms=60)
    deadline = time.monotonic() + 10
    while here.state != "fault" and time.monotonic() < deadline:
        here.station.tend()
    assert here.state == "fault"
    assert published == [], "a command that cannot be carried out is not published again and again"
    plugged_in.set()
    while True not in levels and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    assert levels[0] is True, "what went by unseen is rejected, without a broker"
    here.station.tend()
    assert here.state == "ready"


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
    monkeypatch.setattr("edge.pins.pins.import_gpiod", lambda _: None)
    monkeypatch.setattr("edge.pins.pins.GpioOutput", lambda *address, **_: opened.append(address))
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

    monkeypatch.setattr("edge.pins.pins.import_gpiod", lambda _: None)
    monkeypatch.setattr("edge.trigger.input_line.GpioPin", Barrier)
    here = stand(trigger__kind="input", trigger__timeout_ms=50)
    deadline = time.monotonic() + 5
    while not here.found and time.monotonic() < deadline:
        threading.Event().wait(0.01)
        here.station.tend()
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

    monkeypatch.setattr("edge.pins.pins.import_gpiod", lambda _: None)
    monkeypatch.setattr("edge.trigger.input_line.GpioPin", Silent)
    states: list[str] = []
    monkeypatch.setattr(Announcer, "status", lambda _self, state, *_: states.append(state))
    here = stand(trigger__kind="input", trigger__timeout_ms=60000, gate__travel_ms=60000)
    trigger = here.station._trigger
    assert isinstance(trigger, Announced)
    trigger.announce("a", time.monotonic())
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

    monkeypatch.setattr("edge.pins.pins.import_gpiod", lambda _: None)
    monkeypatch.setattr("edge.trigger.input_line.GpioPin", mistake)
    here = stand(trigger__kind="input")
    deadline = time.monotonic() + 20
    while here.station.vital["the pins"]:
        assert time.monotonic() < deadline
        threading.Event().wait(0.005)
    assert here.station.vital == {"the gate": True, "the pins": False, "the recorder": True}


def test_all_frames_of_a_part_are_judged_by_the_bundle_that_was_there_when_it_was_seen(
    stand: Callable[..., Stand], tmp_path: Path
) -> None:
    here = stand(
        trigger__kind="seen", trigger__frames=3, trigger__vote="mean", trigger__learn_frames=1,
        trigger__max_pause_ms=60000,
        gate__travel_ms=60000, gate__min_gap_ms=0.01, gate__window_ms=0.01,
    )  # fmt: skip
    first, two = here.inspector.model.bundle.model_id, store(tmp_path, "two.tflite", turned=True)
    for level in (GOOD, GOOD, BAD):
        here.show(level)
    here.change("activate", bundle="two.tflite", sha256=two.sha256)
    for level in (BAD, BAD, GOOD, BAD, BAD, BAD):
        here.show(level)
    assert here.recorded() == [("defect", first, "default", 3), ("ok", two.sha256, "default", 3)]


def test_a_bundle_that_fails_is_taken_back_between_two_parts(
    stand: Callable[..., Stand], tmp_path: Path
) -> None:
    here = stand(model__trial_faults=2)
    first, picky = here.inspector.model.bundle.model_id, store(tmp_path, "p.tflite", wants_a_part=True)
    here.change("activate", bundle="p.tflite", sha256=picky.sha256)
    for _ in range(3):
        time.sleep(0.03)
        here.show()
    assert [(verdict, model) for verdict, model, _, _ in here.recorded()] == [
        ("fault", picky.sha256), ("fault", picky.sha256), ("ok", first)
    ]  # fmt: skip


def test_the_gate_knows_before_the_last_bundle_is_asked_about_a_fault(
    stand: Callable[..., Stand], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = stand(gate__travel_ms=5000)
    rejected_when_asked: list[int] = []
    inspect = here.inspector.inspect

    def asked(frame: Frame) -> Inspection:
        rejected_when_asked.append(sum(command.part is not None for command in here.commands))
        return inspect(frame)

    picky = store(tmp_path, "p.tflite", wants_a_part=True)
    here.change("activate", bundle="p.tflite", sha256=picky.sha256)
    monkeypatch.setattr(here.inspector, "inspect", asked)
    here.show()
    assert rejected_when_asked == [1]


def test_another_recipe_has_its_own_gate_and_what_is_on_its_way_does_not_pass(
    stand: Callable[..., Stand],
) -> None:
    can = NamedRecipe(ok_below=0, defect_from=0, gate=RecipeGate(travel_ms=900, pulse_ms=7))
    here = stand({"can": can}, gate__mode="reject-unless-ok", gate__travel_ms=500, gate__min_gap_ms=100)
    here.show()
    here.change("recipe", recipe="can")
    time.sleep(0.12)
    here.show()
    here.change("recipe", recipe="default")
    time.sleep(0.6)
    here.show()
    assert [(verdict, recipe) for verdict, _, recipe, _ in here.recorded()] == [
        ("ok", "default"), ("defect", "can"), ("ok", "default")
    ]  # fmt: skip
    assert here.told(lambda command: command.action == "pass")
    assert len(here.commands) == 1, "the first was on its way when the gate changed"


def test_a_shadow_sees_what_was_decided_and_the_gate_never_hears_of_it(
    stand: Callable[..., Stand], tmp_path: Path
) -> None:
    here = stand(gate__travel_ms=5000)
    picky = Inspector(load_model(store(tmp_path, "p.tflite", wants_a_part=True).path))
    here.station._take_over(replace(here.station._changer.served, shadow=picky))
    for _ in range(3):
        time.sleep(0.03)
        here.show()
    shadow = here.station._shadow
    deadline = time.monotonic() + 20
    while shadow.counts is None or shadow.counts.scored < 3:
        assert time.monotonic() < deadline
        threading.Event().wait(0.005)
    assert shadow.counts.pairs == {"ok/fault": 3}
    here.station.publish_stats()
    assert here.station.counts["shadow"]["scored"] == 3
    assert [verdict for verdict, _, _, _ in here.recorded()] == ["ok"] * 3
    assert [command for command in here.commands if command.part is not None] == []


def test_a_shadow_is_not_shown_what_no_bundle_was_asked_about(
    stand: Callable[..., Stand], tmp_path: Path
) -> None:
    """Else it would seem to disagree wherever a frame was too old, or a fault waited for its reset."""
    here = stand(station__latch_faults="true")
    other = Inspector(load_model(store(tmp_path, "two.tflite").path))
    here.station._take_over(replace(here.station._changer.served, shadow=other))
    here.show(age_s=1.0)
    here.station.camera("no frame")
    here.station.camera(None)
    time.sleep(0.03)
    here.show()
    here.command("reset")
    time.sleep(0.03)
    here.show()
    assert [inspection.verdict for inspection in here.found] == [Verdict.FAULT, Verdict.FAULT, Verdict.OK]
    shadow = here.station._shadow
    deadline = time.monotonic() + 20
    while shadow.counts is None or shadow.counts.pairs.get("ok/ok") != 1:
        assert time.monotonic() < deadline
        threading.Event().wait(0.005)
    assert shadow.counts.pairs == {"ok/ok": 1}


def test_settings_that_are_read_again_reach_the_alarms_and_the_archive(
    stand: Callable[..., Stand], tmp_path: Path
) -> None:
    here = stand(archive__path=tmp_path / "archive", archive__ok_share=0, gate__travel_ms=5000)
    served = here.station._changer.served
    here.show()
    archive = served.settings.archive.model_copy(update={"ok_share": 1.0})
    alarms = served.settings.alarms.model_copy(update={"rejects_in_row": 1})
    settings = served.settings.model_copy(update={"archive": archive, "alarms": alarms})
    here.station._take_over(replace(served, settings=settings, inspector=Inspector(here.inspector.model)))
    time.sleep(0.03)
    here.show()
    time.sleep(0.03)
    here.show(BAD)
    here.station.alarms.step(time.monotonic())
    assert here.station.alarms.raised == ["rejects-in-row"]
    deadline = time.monotonic() + 20
    while len(list((tmp_path / "archive").rglob("*.png"))) < 2:
        assert time.monotonic() < deadline
        threading.Event().wait(0.005)


def test_settings_read_again_forget_what_the_alarms_learned_only_where_they_change_what_is_watched(
    stand: Callable[..., Stand], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = stand()
    new_rules: list[object] = []
    monkeypatch.setattr(here.station.alarms, "judge_by", new_rules.append)
    settings = here.station._settings
    gate = settings.gate.model_copy(update={"pulse_ms": 31.0})
    here.station._take_over(Served(settings.model_copy(update={"gate": gate}), here.inspector))
    assert new_rules == []
    alarms = settings.alarms.model_copy(update={"rejects_in_row": 7})
    here.station._take_over(Served(settings.model_copy(update={"alarms": alarms}), here.inspector))
    assert len(new_rules) == 1
