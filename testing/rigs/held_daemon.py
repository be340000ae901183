"""The daemon, which the system holds between a decision of the gate and its sending.

`python -m testing.rigs.held_daemon EVERY ARGUMENT...`: each EVERYth time that a command for a part is to go
it stops itself, as SIGSTOP does, until somebody lets it go on.
"""

import itertools
import os
import signal
import sys

from edge.__main__ import main
from edge.gate.gate import Gate, GateCommand

_step = Gate.step
_numbers = itertools.count(1)


def hold_every(every: int) -> None:
    """Have the gate decide, and then nothing, until SIGCONT comes."""

    def step(self: Gate, now: float) -> list[GateCommand]:
        commands = _step(self, now)
        if any(command.part is not None for command in commands) and next(_numbers) % every == 0:
            os.kill(os.getpid(), signal.SIGSTOP)
        return commands

    Gate.step = step  # type: ignore[method-assign]


if __name__ == "__main__":
    hold_every(int(sys.argv[1]))
    sys.exit(main(sys.argv[2:]))
