"""The gate keeps docs/reference/gate-rules.md to the word; `make judge` tries a million sequences."""

import ast
import logging
import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.gate import controller
from edge.gate.gate import LATE, TOO_CLOSE, UNKNOWN, Gate, GateCommand, TrackedPart
from testing.judge import rules
from testing.judge.__main__ import judge

SEQUENCES = 400
ENOUGH = 4000


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def test_the_gate_keeps_its_rules_in_random_sequences() -> None:
    differ, counts = judge(0, SEQUENCES)
    assert differ == []
    assert {
        "reject",
        "pass",
        "sweep",
        "held back",
        "link",
        "lost",
        "change",
        "unseen",
        "end",
        "unconfirmed",
        "unexpected",
    } <= counts.keys()


def test_the_judge_uses_nothing_of_the_gate() -> None:
    tree = ast.parse(Path(rules.__file__).read_text("utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert {node.module if isinstance(node, ast.ImportFrom) else node.names[0].name for node in imports} == {
        "math",
        "dataclasses",
        "typing",
    }


class Trusting(Gate):
    """Rule 4: takes a part for a good one until somebody says otherwise."""

    def _spoil(self, tracked: TrackedPart, trouble: str) -> None:
        if trouble == LATE:
            tracked.action = "pass"
        else:
            super()._spoil(tracked, trouble)


class Careless(Gate):
    """Rule 5: believes that parts never come too close."""

    def _keep_apart(self, tracked: TrackedPart) -> None:
        pass


class Blunt(Gate):
    """Rule 5: leaves a part alone whose pass was sent, and says that again when the belt has turned."""

    def _spoil(self, tracked: TrackedPart, trouble: str) -> None:
        if trouble != TOO_CLOSE or tracked.stated is None:
            super()._spoil(tracked, trouble)


class Full(Gate):
    """Rule 6: forgets parts for which it has no room."""

    def _leave_out(self, tracked: TrackedPart) -> None:
        super()._leave_out(tracked)
        self._crowding.clear()


class Credulous(Gate):
    """Rule 7: believes what it knew of the belt while it was lost."""

    def _spoil(self, tracked: TrackedPart, trouble: str) -> None:
        if trouble != UNKNOWN:
            super()._spoil(tracked, trouble)


class Hasty(Gate):
    """Rule 9: a pass does not wait until nothing can follow too closely."""

    def _may_leave(self, tracked: TrackedPart, due: float, now: float) -> float:
        return super()._may_leave(tracked, due, now) - 0.004


class Stubborn(Gate):
    """Rule 10: says everything once, also when the belt has stopped since."""

    def _agrees(self, stated: float | None, due: float) -> bool:
        return stated is not None or super()._agrees(stated, due)


class Unlooking(Gate):
    """Rule 11: does not look at the clock again."""

    def holds(self, command: GateCommand, now: float) -> bool:
        return True


class Forgetful(Gate):
    """Rule 12: knows nothing of parts that nobody saw."""

    def _sweep(self, commands: list[GateCommand], now: float) -> None:
        pass


class Zealous(Gate):
    """Rule 12: rejects more than nobody saw."""

    def watch(self, at: float) -> None:
        super().watch(at)
        if self._spans and self._spans[-1].end not in (None, math.inf):
            self._spans[-1].end += self._min_gap * 3


class Unworried(Gate):
    """Rule 13: takes for granted that what was rejected is in the bin."""

    def missing(self, now: float) -> list[str]:
        return []


class Forgiving(Gate):
    """Rule 13: forgets what it rejected without a part as soon as it knows where the belt is."""

    def found(self, now: float) -> None:
        super().found(now)
        self._unseen_until = -math.inf


class Endless(Gate):
    """Rule 14: still waits for verdicts at the end."""

    def end(self) -> None:
        pass


@pytest.mark.parametrize(
    "gate",
    [
        Trusting,
        Careless,
        Blunt,
        Full,
        Credulous,
        Hasty,
        Stubborn,
        Unlooking,
        Forgetful,
        Zealous,
        Unworried,
        Forgiving,
        Endless,
    ],
)
def test_the_judge_notices_a_gate_without_one_of_its_rules(
    gate: type[Gate], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(controller, "Gate", gate)
    tried = 0
    while tried < ENOUGH:
        differ, _ = judge(tried, 50)
        if differ:
            return
        tried += 50
    pytest.fail(f"{gate.__doc__} Not noticed in {ENOUGH} sequences")
