"""Gates to be asked, and what is asked of them."""

from typing import Any

from edge.core.decision import Verdict
from edge.gate.belt import TimedBelt
from edge.gate.gate import (
    Gate,
    GateCommand,
    TrackedPart,
)
from edge.settings.gate import GateSettings

MODES = ["reject-on-defect", "reject-unless-ok"]
LONG_AGO = -1000.0


def gate_of(**settings: Any) -> tuple[Gate, TimedBelt]:
    """A gate that has watched for long: 500 ms of travel, a window and a gap of 20, a margin of 5."""
    belt = TimedBelt(LONG_AGO)
    gate = Gate(settings_of(**settings), belt)
    if gate.lost:
        gate.found(LONG_AGO)
    gate.watch(LONG_AGO)
    assert gate.step(0.0) == []
    return gate, belt


def settings_of(**settings: Any) -> GateSettings:
    return GateSettings.model_validate({"window_ms": 20, "min_gap_ms": 20, **settings})


def inspected(gate: Gate, verdict: Verdict, *, seen: float, decided: float, part: str = "a") -> TrackedPart:
    tracked = gate.expect(part, seen)
    gate.decide(tracked, verdict, decided)
    return tracked


def sent(gate: Gate, now: float) -> list[tuple[str | None, str]]:
    return [(command.part, command.action) for command in gate.step(now)]


def until(gate: Gate, end: float, *, step: float = 0.001) -> list[tuple[float, GateCommand]]:
    """Every command up to ``end``, with when it was sent; the gate is asked every millisecond."""
    commands = []
    now = 0.0
    while now < end:
        commands += [(now, command) for command in gate.step(now)]
        now += step
    return commands


def swept(commands: list[tuple[float, GateCommand]]) -> list[float]:
    """Where stretches of time begin and end that commands without a part cover, joined where they meet."""
    edges: list[float] = []
    for _, command in commands:
        assert command.part is None
        if edges and command.due <= edges[-1] + 0.0015:
            edges.pop()
        else:
            edges.append(command.due)
        edges.append(command.due + command.pulse_ms / 1000)
    return edges
