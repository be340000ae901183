"""A broker that misbehaves in every way that testing/rigs/fake_broker.py knows, one after the other."""

import os
import random
import re
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.campaign.daemon import NICE, footprint, recorded, start
from testing.rigs.fake_broker import KINDS, FakeBroker

SHORTEST_S = 1.0
LONGEST_S = 6.0
PATIENCE_S = 60.0
FLAGS = ("--mqtt.keepalive_s", "2", "--alarms.rejects_in_row", "0")
_STEP_S = 0.05
_SAID = re.compile(rb"^(?:ERROR|WARNING) .*mqtt:", re.MULTILINE)


@dataclass
class MisbehaviourResult:
    """Effects of so many misbehaviours; times are seconds, sizes are megabytes of the daemon."""

    times: dict[str, int] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)
    """After which the daemon was not there any more."""
    not_back: list[str] = field(default_factory=list)
    back_s: list[float] = field(default_factory=list)
    memory_mb: dict[str, float] = field(default_factory=dict)
    """The most that it held at each kind."""
    memory_first_mb: float = 0.0
    lines: dict[str, int] = field(default_factory=dict)
    """How many the log had of the link to the broker, at most, in one misbehaviour of a kind."""
    verdicts: int = 0
    missing: int = 0
    two_contents: int = 0
    commands_late: list[tuple[str, float]] = field(default_factory=list)
    """To which kind of broker, and how many seconds."""


def misbehave(
    folder: Path, *, times: int, seed: int, kinds: Sequence[str] = tuple(KINDS), longest_s: float = LONGEST_S
) -> MisbehaviourResult:
    """Each kind so many times, for one to six seconds each, and a good broker after each."""
    chance, result = random.Random(seed), MisbehaviourResult()
    broker, log, journal = FakeBroker(), folder / "edge.log", folder / "journal.sqlite"
    daemon = start(broker.port, journal, log, *FLAGS)
    before = os.getpriority(os.PRIO_PROCESS, 0)
    with suppress(PermissionError):  # who judges by a clock must not wait for other programs
        os.setpriority(os.PRIO_PROCESS, 0, NICE - 1)
    try:
        if not _wait(lambda: broker.told["verdict"] > 0 or daemon.poll() is not None):
            raise TimeoutError(f"no verdict within {PATIENCE_S:g} s")
        result.memory_first_mb = footprint(daemon.pid).memory_mb
        for kind in [kind for _ in range(times) for kind in kinds]:
            said = _lines(log)
            broker.be(kind)
            _watch(daemon, kind, chance.uniform(min(SHORTEST_S, longest_s), longest_s), result)
            broker.be(None)
            result.times[kind] = result.times.get(kind, 0) + 1
            if not _comes_back(broker, daemon, result):
                (result.ended if daemon.poll() is not None else result.not_back).append(kind)
            result.lines[kind] = max(result.lines.get(kind, 0), _lines(log) - said)
            if daemon.poll() is not None:
                daemon = start(broker.port, journal, log, *FLAGS)
        return _compare(broker, daemon, journal, result)
    finally:
        daemon.kill()
        daemon.wait()
        broker.close()
        os.setpriority(os.PRIO_PROCESS, 0, before)


def _watch(daemon: subprocess.Popen[bytes], kind: str, seconds: float, result: MisbehaviourResult) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and daemon.poll() is None:
        held = footprint(daemon.pid).memory_mb
        result.memory_mb[kind] = max(result.memory_mb.get(kind, 0.0), held)
        time.sleep(_STEP_S)


def _comes_back(broker: FakeBroker, daemon: subprocess.Popen[bytes], result: MisbehaviourResult) -> bool:
    """True if commands and verdicts come again."""
    began = time.monotonic()
    is_back = _wait(
        lambda: (broker.told["reject"] > 0 and broker.told["verdict"] > 0) or daemon.poll() is not None
    )
    result.back_s.append(time.monotonic() - began)
    return is_back and daemon.poll() is None


def _compare(
    broker: FakeBroker, daemon: subprocess.Popen[bytes], journal: Path, result: MisbehaviourResult
) -> MisbehaviourResult:
    daemon.send_signal(signal.SIGTERM)
    daemon.wait(PATIENCE_S)
    kept = recorded(journal)
    _wait(lambda: len(broker.verdicts) >= len(kept))
    result.verdicts = len(broker.verdicts)
    result.missing = len(kept.keys() - broker.verdicts.keys())
    differ = [i for i in kept.keys() & broker.verdicts.keys() if kept[i] != broker.verdicts[i]]
    result.two_contents = len({*broker.two_contents, *differ})
    result.commands_late = broker.late
    return result


def _lines(log: Path) -> int:
    return len(_SAID.findall(log.read_bytes()))


def _wait(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_STEP_S)
    return True
