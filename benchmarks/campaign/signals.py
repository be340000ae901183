"""Signals by the thousand, under load: USR1 and HUP, at random moments."""

import random
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.campaign.daemon import recorded, start
from testing.brokers import MosquittoBroker
from testing.rigs.witness import Witness

PATIENCE_S = 30.0
LONGEST_PAUSE_S = 0.004
RELOADS = 0.02  # the share of HUP
STACKS = b"(MainThread), most recent call first:"


@dataclass
class SignalResult:
    """Effects of so many signals."""

    signals: int = 0
    ended: int = 0
    stacks: int = 0
    verdicts: int = 0
    missing: int = 0
    two_contents: int = 0


def signal_often(broker: MosquittoBroker, folder: Path, *, times: int, seed: int) -> SignalResult:
    """Send the daemon ``times`` signals; one that ends by them is counted and started again."""
    chance = random.Random(seed)
    witness = Witness(broker.host, broker.port)
    journal, log = folder / "journal.sqlite", folder / "edge.log"
    result = SignalResult()
    daemon = start(broker.port, journal, log)
    try:
        _running(witness, 0)
        for _ in range(times):
            time.sleep(chance.uniform(0, LONGEST_PAUSE_S))
            if daemon.poll() is not None:
                result.ended += 1
                seen = len(witness.running_at)
                daemon = start(broker.port, journal, log)
                _running(witness, seen)
            daemon.send_signal(signal.SIGHUP if chance.random() < RELOADS else signal.SIGUSR1)
            result.signals += 1
        daemon.send_signal(signal.SIGTERM)
        result.ended += daemon.wait(PATIENCE_S) != 0
    finally:
        daemon.kill()
        daemon.wait()
    kept = recorded(journal)
    witness.wait(lambda: len(witness.verdicts) >= len(kept), PATIENCE_S)
    witness.close()
    result.stacks = log.read_bytes().count(STACKS)
    result.verdicts = len(witness.verdicts)
    result.missing = len(kept.keys() ^ witness.verdicts.keys())
    result.two_contents = len(set(witness.two_contents))
    return result


def _running(witness: Witness, seen: int) -> None:
    if not witness.wait(lambda: len(witness.running_at) > seen, PATIENCE_S):
        raise TimeoutError(f"not running within {PATIENCE_S:g} s")
