"""Pins of a real kernel, where it has simulated ones."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from edge.core.errors import InputError
from edge.gate.gate import GateCommand
from edge.outputs.pins.ejector import Ejector, GpioOutput
from edge.outputs.pins.encoder import EdgeCounter
from edge.outputs.pins.pin_check import try_pins
from edge.settings.load_settings import load_settings
from edge.trigger.inputs import Edge, GpioPin, LineAddress
from testing.rigs.gpio_sim import SimulatedChip, gpio_sim_is_missing

_missing = gpio_sim_is_missing()
pytestmark = pytest.mark.skipif(_missing is not None, reason=str(_missing))


@pytest.fixture
def chip() -> Iterator[SimulatedChip]:
    pytest.importorskip("gpiod")
    chip = SimulatedChip(8)
    yield chip
    chip.close()


def toggle(chip: SimulatedChip, line: int, times: int) -> None:
    """Slowly: of changes that come faster than its interrupt, the simulation makes one."""
    for _ in range(times):
        for up in (True, False):
            chip.pull(line, up=up)
            threading.Event().wait(0.005)


def all_edges(pin: GpioPin) -> list[Edge]:
    edges = []
    while more := pin.events(0.5):
        edges += more
    return edges


def test_each_edge_comes_with_its_monotonic_time_and_number(chip: SimulatedChip) -> None:
    pin = GpioPin(LineAddress("trigger.kind", chip.path, 2))
    assert pin.events(0.05) == []
    before = time.monotonic()
    toggle(chip, 2, 3)
    edges = all_edges(pin)
    after = time.monotonic()
    pin.close()
    assert [edge.number for edge in edges] == list(range(1, len(edges) + 1))
    assert before <= edges[0].at <= edges[-1].at <= after


@pytest.mark.parametrize(("edges", "count"), [("rising", 3), ("falling", 3), ("both", 6)])
def test_the_edges_asked_for_count(chip: SimulatedChip, edges: str, count: int) -> None:
    pin = GpioPin(LineAddress("pins.encoder", chip.path, 2, edges))  # type: ignore[arg-type]
    toggle(chip, 2, 3)
    assert len(all_edges(pin)) == count
    pin.close()


def test_edges_beyond_what_the_kernel_keeps_are_counted(
    chip: SimulatedChip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.trigger.inputs.KERNEL_BUFFER", 16)
    pin = GpioPin(LineAddress("pins.encoder", chip.path, 2))
    counter = EdgeCounter()
    toggle(chip, 2, 1)
    counter.add(all_edges(pin), 0.0)
    toggle(chip, 2, 59)
    came = all_edges(pin)
    pin.close()
    counted = counter.add(came, 0.0)
    assert counted is not None
    assert counted[0] == came[-1].number
    assert counted[0] > 1 + len(came)


@pytest.mark.parametrize("active_low", [False, True])
def test_an_output_is_inactive_until_it_is_set(chip: SimulatedChip, active_low: bool) -> None:
    chip.pull(4, up=not active_low)
    inactive = int(active_low)
    output = GpioOutput("pins.ejector", chip.path, 4, active_low=active_low)
    levels = [chip.level(4)]
    for active in (True, False):
        output.set(active=active)
        levels.append(chip.level(4))
    output.close()
    assert levels == [inactive, 1 - inactive, inactive]


def test_a_command_is_a_pulse_of_a_real_line(chip: SimulatedChip) -> None:
    works = threading.Event()
    ejector = Ejector(
        lambda: GpioOutput("pins.ejector", chip.path, 4, active_low=False),
        on_trouble=lambda trouble: works.set() if trouble is None else None,
        on_missed=lambda _: None,
    )
    ejector.start()
    assert works.wait(5)
    due = time.monotonic() + 0.3
    command = GateCommand("a", "reject", due, due + 5, 500.0)
    while not ejector.take(command):
        threading.Event().wait(0.001)
    seen = []
    while time.monotonic() < due + 1.5:
        seen.append((chip.level(4), time.monotonic()))
    ejector.stop()
    on = [at for level, at in seen if level == 1]
    assert on[0] >= due
    assert on[-1] - on[0] >= 0.3
    assert seen[-1][0] == 0


def test_lines_that_are_missing_or_taken_are_named(chip: SimulatedChip) -> None:
    def look(line: int) -> str:
        return try_pins(load_settings(None, {"pins.chip": chip.path, "pins.ejector": str(line)}))

    assert look(4) == f"pins.ejector: line 4 of {chip.path} is free"
    with pytest.raises(InputError, match="has no line 8; expected 0 to 7"):
        look(8)
    output = GpioOutput("pins.ejector", chip.path, 4, active_low=False)
    with pytest.raises(InputError, match="is used by linegate"):
        look(4)
    with pytest.raises(OSError, match="busy"):
        GpioOutput("pins.ejector", chip.path, 4, active_low=False)
    output.close()


def test_a_crash_in_the_middle_of_a_pulse_gives_the_line_back(chip: SimulatedChip) -> None:
    script = (
        "import os; from edge.outputs.pins.ejector import GpioOutput\n"
        f"output = GpioOutput('pins.ejector', {chip.path!r}, 4, active_low=False)\n"
        "output.set(active=True); os._exit(1)"
    )
    subprocess.run([sys.executable, "-c", script], check=False)
    again = GpioOutput("pins.ejector", chip.path, 4, active_low=False)
    assert chip.level(4) == 0, "requesting it again makes it inactive"
    again.close()
