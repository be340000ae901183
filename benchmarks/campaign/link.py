"""The broker killed, restarted, frozen, cut off without a word, or slow; and away for an hour."""

import json
import random
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from benchmarks.campaign.daemon import TRAVEL_S, footprint, recorded, start
from testing.brokers import MosquittoBroker
from testing.rigs.faulty_link import FaultyLink
from testing.rigs.witness import CommandTimes, Witness

# What mosquitto must keep over its own end, so that it is the daemon that is judged: when it is stopped, and
# when it is killed.
KEEPS_SESSIONS = "persistence true\nmax_queued_messages 0"
KEEPS_ALL = f"{KEEPS_SESSIONS}\nautosave_interval 1\nautosave_on_changes true"
LATE_AFTER_S = 3.0
LONGEST_FAULT_S = 4.0
PATIENCE_S = 60.0
DRAIN_PATIENCE_S = 600.0
FLAGS = ("--mqtt.keepalive_s", "2")
FASTER = ("--gate.window_ms", "1", "--gate.min_gap_ms", "1")
_STEP_S = 0.2
_IN_FLIGHT = 50


@dataclass
class LinkResult:
    """Effects of so many faults of the link; times are seconds, sizes are megabytes of the daemon."""

    faults: dict[str, int] = field(default_factory=dict)
    verdicts: int = 0
    missing: int = 0
    unknown: int = 0
    repeated: int = 0
    two_contents: int = 0
    out_of_order: int = 0
    arrived_late: int = 0
    unmarked: int = 0
    commands: int = 0
    times: CommandTimes = field(default_factory=lambda: CommandTimes(0, 0, 0))
    commands_sent_late: int = 0
    commands_here_late: int = 0
    back_s: list[float] = field(default_factory=list)
    rss_mb: list[float] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)
    drain_s: float = 0.0


class _Rig:
    """A daemon that reaches its broker over a link of ours, and a witness that does not."""

    def __init__(self, broker: MosquittoBroker, folder: Path, *flags: str) -> None:
        self.broker = broker
        self.journal = folder / "journal.sqlite"
        self.link = FaultyLink(broker.port)
        self.witness = Witness(broker.host, broker.port)
        self.daemon: subprocess.Popen[bytes] = start(
            self.link.port, self.journal, folder / "edge.log", *FLAGS, *flags
        )
        if not self.witness.wait(lambda: bool(self.witness.verdicts), PATIENCE_S):
            self.close()
            raise TimeoutError(f"no verdict within {PATIENCE_S:g} s")

    def go_away(self, end: Callable[[], None]) -> None:
        """Without its broker, which comes back for the witness before it does for the daemon."""
        self.link.state = "refuse"
        end()
        self.link.cut()

    def come_back(self) -> None:
        """The other way round."""
        seen = self.witness.subscriptions
        self.broker.start()
        if not self.witness.wait(lambda: self.witness.subscriptions > seen, PATIENCE_S):
            raise TimeoutError("the witness has no broker")
        self.link.state = "pass"

    def close(self) -> None:
        """Take it all away."""
        self.broker.thaw()
        self.daemon.kill()
        self.daemon.wait()
        self.link.close()
        self.witness.close()


def fault_often(broker: MosquittoBroker, folder: Path, *, times: int, seed: int) -> LinkResult:
    """So many faults, of each kind in turn, for up to four seconds each; then compare what everybody has."""
    chance = random.Random(seed)
    result = LinkResult()
    rig = _Rig(broker, folder)
    faults = {
        "killed": _killed,
        "restarted": _restarted,
        "frozen": _frozen,
        "half-open": _half_open,
        "slow": _slow,
    }
    try:
        for number in range(times):
            name = list(faults)[number % len(faults)]
            faults[name](rig, chance.uniform(0.2, LONGEST_FAULT_S))
            result.faults[name] = result.faults.get(name, 0) + 1
            result.back_s.append(_seconds_until_back(rig))
            _look_at(rig.daemon.pid, result)
            time.sleep(chance.uniform(0, 0.5))
        return _compare(rig, result)
    finally:
        rig.close()


def away(
    broker: MosquittoBroker, folder: Path, *, parts: int, rate: float, patience_s: float = 7200.0
) -> LinkResult:
    """The broker is away while so many parts go by, and then it is back."""
    result = LinkResult()
    rig = _Rig(broker, folder, *FASTER, "--camera.replay_fps", str(rate))
    try:
        rig.go_away(rig.broker.stop)
        deadline = time.monotonic() + patience_s
        while (count := _count(rig.journal)) < parts:
            if time.monotonic() > deadline:
                raise TimeoutError(f"only {count} parts in {patience_s:g} s")
            time.sleep(_STEP_S)
            _look_at(rig.daemon.pid, result)
        result.faults["away"] = 1
        rig.come_back()
        began = time.monotonic()
        goal = _count(rig.journal)
        while len(rig.witness.verdicts) < goal and time.monotonic() < began + DRAIN_PATIENCE_S:
            time.sleep(_STEP_S)
            _look_at(rig.daemon.pid, result)
        result.drain_s = time.monotonic() - began
        # New parts came meanwhile and wait behind the others; a daemon that ends leaves them in the journal.
        while len(rig.witness.verdicts) < _count(rig.journal) - _IN_FLIGHT:
            if time.monotonic() > began + DRAIN_PATIENCE_S:
                break
            time.sleep(_STEP_S)
        return _compare(rig, result)
    finally:
        rig.close()


def _killed(rig: _Rig, seconds: float) -> None:
    rig.go_away(rig.broker.kill)
    time.sleep(seconds)
    rig.come_back()


def _restarted(rig: _Rig, seconds: float) -> None:
    rig.go_away(rig.broker.stop)
    time.sleep(seconds)
    rig.come_back()


def _frozen(rig: _Rig, seconds: float) -> None:
    rig.broker.freeze()
    time.sleep(seconds)
    rig.broker.thaw()


def _half_open(rig: _Rig, seconds: float) -> None:
    """The connection that there is delivers nothing any more, and nobody says so; a new one would work."""
    rig.link.forget()
    time.sleep(seconds)


def _slow(rig: _Rig, seconds: float) -> None:
    """A thirtieth of what the daemon has to say."""
    rig.link.state = "slow"
    time.sleep(seconds)
    rig.link.state = "pass"


def _seconds_until_back(rig: _Rig) -> float:
    """Until a part is reported that was seen after the fault."""
    began, ended = time.monotonic(), time.time()

    def is_back() -> bool:
        newest = next(reversed(rig.witness.verdicts.values()))
        return _captured(newest) > ended

    if not rig.witness.wait(is_back, PATIENCE_S):
        raise TimeoutError(f"no verdict of a new part within {PATIENCE_S:g} s")
    return time.monotonic() - began


def _compare(rig: _Rig, result: LinkResult) -> LinkResult:
    rig.daemon.send_signal(signal.SIGTERM)
    rig.daemon.wait(PATIENCE_S)
    kept, witness = recorded(rig.journal), rig.witness
    witness.wait(lambda: len(witness.verdicts) >= len(kept), PATIENCE_S)
    late = [
        i for i, moment in witness.arrived.items() if moment - _captured(witness.verdicts[i]) > LATE_AFTER_S
    ]
    differ = [i for i in kept.keys() & witness.verdicts.keys() if kept[i] != witness.verdicts[i]]
    result.verdicts = len(witness.verdicts)
    result.missing = len(kept.keys() - witness.verdicts.keys())
    result.unknown = len(witness.verdicts.keys() - kept.keys())
    result.repeated = witness.repeated
    result.two_contents = len({*witness.two_contents, *differ})
    result.out_of_order = witness.out_of_order()
    result.arrived_late = len(late)
    result.unmarked = sum(not json.loads(witness.verdicts[identity])["late"] for identity in late)
    result.commands = witness.commands
    result.times = witness.command_times(TRAVEL_S)
    result.commands_sent_late = witness.commands_sent_late
    result.commands_here_late = witness.commands_here_late
    return result


def _look_at(pid: int, result: LinkResult) -> None:
    held = footprint(pid)
    result.rss_mb.append(held.memory_mb)
    result.threads.append(held.threads)


def _captured(payload: bytes) -> float:
    return datetime.fromisoformat(json.loads(payload)["captured_at"]).timestamp()


def _count(journal: Path) -> int:
    database = sqlite3.connect(f"{journal.absolute().as_uri()}?mode=ro", uri=True)
    try:
        return int(database.execute("SELECT coalesce(max(number), 0) FROM inspections").fetchone()[0])
    finally:
        database.close()
