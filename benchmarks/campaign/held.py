"""The daemon held by the system at the worst moment: a command is decided, and not sent yet."""

import random
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.campaign.daemon import TRAVEL_S, recorded, start
from testing.brokers import MosquittoBroker
from testing.rigs.witness import CommandTimes, Witness
from testing.waiting import wait_for

EVERY = 20  # commands for parts, from one hold to the next
LONGEST_HOLD_S = 2.0
PATIENCE_S = 30.0


@dataclass
class HeldResult:
    """Effects of so many holds."""

    holds: int
    times: CommandTimes
    longer_than_travel: int = 0


def hold_often(broker: MosquittoBroker, folder: Path, *, times: int, seed: int) -> HeldResult:
    """Let the daemon stop itself ``times`` times, and each time go on after up to 2 s."""
    chance = random.Random(seed)
    witness = Witness(broker.host, broker.port)
    journal, longer = folder / "journal.sqlite", 0
    module = ("testing.rigs.held_daemon", str(EVERY))
    daemon = start(broker.port, journal, folder / "edge.log", module=module)
    try:
        for _ in range(times):
            wait_for(lambda: _is_held(daemon.pid))
            seconds = chance.uniform(0.1, LONGEST_HOLD_S)
            time.sleep(seconds)
            longer += seconds > TRAVEL_S
            daemon.send_signal(signal.SIGCONT)
            wait_for(lambda: not _is_held(daemon.pid))
        wait_for(lambda: _is_held(daemon.pid))
        daemon.send_signal(signal.SIGTERM)
        daemon.send_signal(signal.SIGCONT)
        daemon.wait(PATIENCE_S)
    finally:
        daemon.kill()
        daemon.wait()
    kept = recorded(journal)
    witness.wait(lambda: len(witness.verdicts) >= len(kept), PATIENCE_S)
    witness.close()
    return HeldResult(times, witness.command_times(TRAVEL_S), longer)


def _is_held(pid: int) -> bool:
    """True if the kernel holds a process: its state is T."""
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"
