"""All outputs as one: whose word counts for a command to the gate, and in which order they start and stop."""

import itertools

import pytest

from edge.gate.gate import GateCommand
from edge.outputs.output import GateRole, Output
from edge.outputs.outputs import Outputs

COMMAND = GateCommand("A-1", "reject", 1.0, 1.1, 50.0)


class Noting(Output):
    """Notes what it was told, and says of a command what it is made to say."""

    name = "noting"

    def __init__(self, role: GateRole, *, can: bool = True, log: list[str] | None = None) -> None:
        self.gate_role = role
        self._can = can
        self.commands: list[GateCommand] = []
        self._log = log if log is not None else []

    def start(self) -> None:
        self._log.append(f"start {self.gate_role}")

    def stop(self) -> None:
        self._log.append(f"stop {self.gate_role}")

    def command(self, command: GateCommand) -> bool:
        self.commands.append(command)
        return self._can


def test_a_command_that_cannot_be_carried_out_is_told_to_nobody_and_comes_again() -> None:
    acts, tells = Noting("acts", can=False), Noting("tells")
    assert Outputs([tells, acts]).command(COMMAND) is False
    assert tells.commands == []


def test_where_a_command_is_carried_out_the_word_of_others_does_not_count() -> None:
    acts, tells = Noting("acts"), Noting("tells", can=False)
    assert Outputs([acts, tells]).command(COMMAND) is True
    assert tells.commands == [COMMAND]


@pytest.mark.parametrize(("one", "other"), list(itertools.product([True, False], repeat=2)))
def test_one_that_can_tell_the_gate_is_enough_and_each_is_asked(one: bool, other: bool) -> None:
    outputs = [Noting("tells", can=one), Noting("tells", can=other)]
    assert Outputs(outputs).command(COMMAND) is (one or other)
    assert [output.commands for output in outputs] == [[COMMAND], [COMMAND]]


def test_without_anybody_to_be_told_a_command_is_done() -> None:
    bystander = Noting("none", can=False)
    assert Outputs([bystander]).command(COMMAND) is True
    assert bystander.commands == []


def test_they_stop_in_the_reverse_of_the_order_in_which_they_start() -> None:
    log: list[str] = []
    outputs = Outputs([Noting("acts", log=log), Noting("tells", log=log)])
    outputs.start()
    outputs.stop()
    assert log == ["start acts", "start tells", "stop tells", "stop acts"]
