"""Failures around the daemon while it runs: its disk, the clock, files, memory, the bundle's file."""

import contextlib
import json
import math
import os
import random
import resource
import shutil
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

from benchmarks.campaign.daemon import ROOT, recorded, start
from testing.brokers import MosquittoBroker
from testing.rigs.faulty_link import FaultyLink
from testing.rigs.power import CuttableDisk, power_cut_is_missing
from testing.rigs.stepped_clock import SteppedClock, stepped_clock_is_missing
from testing.rigs.witness import Witness

PATIENCE_S = 120.0
WATCHDOG_S = 10.0
CONTAINER_S = 300.0
FRESH_S = 1.0
SHORTEST_S, LONGEST_S = 1.0, 5.0
SETTLE_S = 1.0
HOUR_S = 3600
FLAGS = (
    *("--alarms.clear_s", "0.2", "--alarms.rejects_in_row", "0", "--alarms.disk_free_mb", "0"),
    *("--alarms.clock_s", "0", "--model.watch_s", "0.3", "--mqtt.keepalive_s", "2"),
)
_POLL_S = 0.1


@dataclass
class DisturbanceResult:
    """Effects of so many troubles of one kind; ``said`` counts those of which its alarm told.

    ``said_again`` counts alarms beyond the first of each trouble, ``unrejected`` parts that passed by it,
    ``unsent`` commands of which the station itself says that they could not be sent in time, ``unrecorded``
    parts that were rejected and have no verdict anywhere.
    """

    kind: str
    times: int = 0
    parts: int = 0
    unrejected: int = 0
    unsent: int = 0
    commands_late: int = 0
    missing: int = 0
    unrecorded: int = 0
    two_contents: int = 0
    out_of_order: int = 0
    said: int = 0
    said_again: int = 0
    still_raised: int = 0
    not_back: int = 0
    watchdog: int = 0
    back_s: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Disturbance:
    """One kind; made anew each time, with a folder of its own."""

    alarm = ""
    flags: Sequence[str] = ()
    environment: Mapping[str, str] = MappingProxyType({})
    is_cut_off = False
    pid: int
    link: FaultyLink

    def __init__(self, folder: Path, chance: random.Random) -> None:
        self.folder = folder
        self.chance = chance
        self.state = folder / "state"
        self.state.mkdir(parents=True)

    @classmethod
    def missing(cls) -> str | None:
        """Why it cannot be made here, or None."""
        return None

    def begin(self) -> None:
        """It begins; ``pid`` and ``link`` are those of the daemon."""
        raise NotImplementedError

    def go_on(self) -> None:
        """Called some times a second while it lasts."""

    def end(self) -> None:
        """It is over."""
        raise NotImplementedError

    def close(self) -> None:
        """Leave nothing behind."""


class DiskFull(Disturbance):
    """The disk of the journal and the archive is full, by another program."""

    alarm = "journal"

    def __init__(self, folder: Path, chance: random.Random) -> None:
        super().__init__(folder, chance)
        _run("mount", "-t", "tmpfs", "-o", "size=4m", "linegate", self.state)
        self._ballast = self.state / "ballast"

    @classmethod
    def missing(cls) -> str | None:
        return power_cut_is_missing()

    def begin(self) -> None:
        self._fill()

    def go_on(self) -> None:
        self._fill()

    def end(self) -> None:
        self._ballast.unlink()

    def close(self) -> None:
        _run("umount", "-l", self.state)

    def _fill(self) -> None:
        with self._ballast.open("ab", buffering=0) as file:
            for size in (65536, 4096, 512):
                try:
                    while file.write(bytes(size)) == size:
                        pass
                except OSError:
                    continue


class _LoopDisk(Disturbance):
    """On an ext4 of its own, the image of which lies in memory."""

    alarm = "journal"

    def __init__(self, folder: Path, chance: random.Random) -> None:
        super().__init__(folder, chance)
        self._memory = Path(f"/dev/shm/{folder.parent.name}-{folder.name}-{os.getpid()}")
        self._memory.mkdir()
        self.disk = CuttableDisk(self._memory)
        self.state = self.disk.path

    @classmethod
    def missing(cls) -> str | None:
        return power_cut_is_missing()

    def close(self) -> None:
        self.disk.close()
        shutil.rmtree(self._memory, ignore_errors=True)


class DiskReadOnly(_LoopDisk):
    """ext4 found an error and became read-only, as it does; then it is mounted anew.

    Between the two nobody can write to the folder beneath: what lies there is hidden afterwards.
    """

    def __init__(self, folder: Path, chance: random.Random) -> None:
        super().__init__(folder, chance)
        _run("umount", self.state)
        _run("mount", "-t", "tmpfs", "-o", "ro,size=4k", "linegate", self.state)
        self._mount()

    def begin(self) -> None:
        _run("mount", "-o", "remount,abort", self.state)

    def end(self) -> None:
        """A container that starts meanwhile keeps the dead file system, and a mount gets that again."""
        deadline = time.monotonic() + CONTAINER_S
        while not self._is_unmounted() or not self._is_back():
            if time.monotonic() > deadline:
                raise TimeoutError("somebody keeps the dead disk: a file of the daemon, or a container")
            time.sleep(0.05)

    def _is_unmounted(self) -> bool:
        return not subprocess.run(["umount", self.state], capture_output=True, check=False).returncode

    def _is_back(self) -> bool:
        self._mount()
        return self.disk.is_alive()

    def close(self) -> None:
        _run("umount", "-l", self.state)
        super().close()

    def _mount(self) -> None:
        _run("mount", "-o", "loop", self._memory / "disk.img", self.state)


class DiskSlow(_LoopDisk):
    """The disk stands still for most of the time: 300 ms of each 400."""

    alarm = ""

    def begin(self) -> None:
        self.go_on()

    def go_on(self) -> None:
        _run("fsfreeze", "-f", self.state)
        time.sleep(0.3)
        _run("fsfreeze", "-u", self.state)

    def end(self) -> None:
        pass


class DiskHangs(_LoopDisk):
    """The disk stands still: whoever writes waits."""

    alarm = ""

    def begin(self) -> None:
        _run("fsfreeze", "-f", self.state)

    def end(self) -> None:
        _run("fsfreeze", "-u", self.state)

    def close(self) -> None:
        subprocess.run(["fsfreeze", "-u", self.state], capture_output=True, check=False)
        super().close()


class ClockStepped(Disturbance):
    """The clock is set by an hour, for this daemon alone, and set right again."""

    step_s = HOUR_S

    def __init__(self, folder: Path, chance: random.Random) -> None:
        super().__init__(folder, chance)
        self._clock = SteppedClock(folder)
        self.environment = self._clock.environment

    @classmethod
    def missing(cls) -> str | None:
        return stepped_clock_is_missing()

    def begin(self) -> None:
        self._clock.set(self.step_s)

    def end(self) -> None:
        self._clock.set(0)


class ClockSteppedBack(ClockStepped):
    """The other way."""

    step_s = -HOUR_S


class FilesExhausted(Disturbance):
    """No file can be opened any more."""

    alarm = "journal"

    def begin(self) -> None:
        self._before = resource.prlimit(self.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, (3, self._before[1]))

    def end(self) -> None:
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, self._before)


class FilesExhaustedAndCut(FilesExhausted):
    """Nor a new connection made, and the one that there was is cut."""

    is_cut_off = True

    def begin(self) -> None:
        super().begin()
        self.link.cut()


class MemoryExhausted(Disturbance):
    """The process gets no more memory than it has, and needs some: its connection is cut.

    A thread that finds none may never begin, and leave another one waiting: then the watchdog acts.
    """

    is_cut_off = True

    def begin(self) -> None:
        self._before = resource.prlimit(self.pid, resource.RLIMIT_AS)
        resource.prlimit(self.pid, resource.RLIMIT_AS, (2**20, self._before[1]))
        self.link.cut()

    def end(self) -> None:
        resource.prlimit(self.pid, resource.RLIMIT_AS, self._before)


class BundleGarbage(Disturbance):
    """The bundle's file is overwritten with what is no bundle, and later with the bundle again."""

    alarm = "bundle"

    def __init__(self, folder: Path, chance: random.Random) -> None:
        super().__init__(folder, chance)
        self._file = folder / "part.tflite"
        self._good = (ROOT / "samples" / "demo.tflite").read_bytes()
        self._file.write_bytes(self._good)
        self.flags = ("--model.path", str(self._file))

    def begin(self) -> None:
        good = self._good
        at = self.chance.randrange(len(good))
        flipped = bytes([*good[:at], good[at] ^ 1, *good[at + 1 :]])
        garbage = self.chance.choice([b"", good[:at], flipped, self.chance.randbytes(len(good)), good * 2])
        self._file.write_bytes(garbage)

    def end(self) -> None:
        self._file.write_bytes(self._good)


KINDS: dict[str, type[Disturbance]] = {
    "disk full": DiskFull,
    "disk read-only": DiskReadOnly,
    "disk slow": DiskSlow,
    "disk hangs": DiskHangs,
    "clock an hour ahead": ClockStepped,
    "clock an hour back": ClockSteppedBack,
    "no file descriptors": FilesExhausted,
    "no file descriptors, link cut": FilesExhaustedAndCut,
    "no memory": MemoryExhausted,
    "bundle replaced by garbage": BundleGarbage,
}


class Watched:
    """A daemon with a watchdog like systemd's: without food for 10 s it is killed and started again."""

    def __init__(self, run: Callable[[Mapping[str, str]], subprocess.Popen[bytes]]) -> None:
        name = f"linegate-{uuid.uuid4().hex}"
        self._heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._heard.bind(f"\0{name}")
        period = str(round(WATCHDOG_S * 1e6))
        self._environment = {"NOTIFY_SOCKET": f"@{name}", "WATCHDOG_USEC": period}
        self._run = run
        self._process = run(self._environment)
        self._fed = math.inf  # it is fed once it is ready
        self.restarts = 0

    @property
    def pid(self) -> int:
        """Of the process that there is now."""
        return self._process.pid

    def watch(self) -> None:
        """Hear what it says; called some times a second."""
        with contextlib.suppress(BlockingIOError):
            while message := self._heard.recv(4096):
                if message == b"WATCHDOG=1":
                    self._fed = time.monotonic()
        if self._process.poll() is not None or time.monotonic() - self._fed > WATCHDOG_S:
            self.kill()
            self.restarts += 1
            self._fed = math.inf
            self._process = self._run(self._environment)

    def stop(self) -> None:
        """Ask it to end, and wait for that."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(PATIENCE_S)

    def kill(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()


def disturb_often(
    broker: MosquittoBroker, folder: Path, kind: str, *, times: int, seed: int
) -> DisturbanceResult:
    """Make this trouble so many times, each with a new daemon; then compare what everybody has."""
    chance = random.Random(f"{seed} {kind}")
    result = DisturbanceResult(kind)
    for number in range(times):
        trouble = KINDS[kind](folder / f"{kind.replace(' ', '-').replace(',', '')}-{number}", chance)
        try:
            _once(broker, trouble, result, chance.uniform(SHORTEST_S, LONGEST_S))
        finally:
            trouble.close()
    return result


def _once(broker: MosquittoBroker, trouble: Disturbance, result: DisturbanceResult, seconds: float) -> None:
    link, witness = FaultyLink(broker.port), Witness(broker.host, broker.port)
    journal, log = trouble.state / "journal.sqlite", trouble.folder / "edge.log"
    archive = ("--archive.path", str(trouble.state / "archive"), "--archive.max_mb", "1")
    flags = (*FLAGS, *archive, "--archive.min_free_mb", "0", *trouble.flags)
    daemon = Watched(
        lambda more: start(link.port, journal, log, *flags, environment={**trouble.environment, **more}),
    )
    try:
        _wait(witness, lambda: len(witness.verdicts) > 20, "a verdict")
        time.sleep(SETTLE_S)
        began = time.monotonic()
        first = _number_of(next(reversed(witness.verdicts)))
        trouble.pid, trouble.link = daemon.pid, link
        trouble.begin()
        while time.monotonic() < began + seconds:
            time.sleep(_POLL_S)
            daemon.watch()
            trouble.go_on()
        last = first + round((time.monotonic() - began) * 50)
        trouble.end()
        result.times += 1
        result.back_s.append(_seconds_until_back(daemon, witness, trouble, result, last))
        daemon.stop()
        result.watchdog += daemon.restarts
        _compare(trouble, witness, recorded(journal), result, range(first, last))
    finally:
        daemon.kill()
        link.close()
        witness.close()


def _seconds_until_back(
    daemon: "Watched", witness: Witness, trouble: Disturbance, result: DisturbanceResult, last: int
) -> float:
    """Until parts of after the trouble are reported and its alarm is cleared."""
    began, first_run = time.monotonic(), _run_of(next(iter(witness.verdicts)))

    def is_back() -> bool:
        daemon.watch()
        newest, content = next(reversed(witness.verdicts.items()))
        captured = datetime.fromisoformat(json.loads(content)["captured_at"]).timestamp()
        is_after = _run_of(newest) != first_run or _number_of(newest) > last + 10
        if not is_after or abs(time.time() - captured) > FRESH_S:
            return False
        raised = [is_raised for alarm, is_raised in witness.alarms if alarm == trouble.alarm]
        return not (raised and raised[-1])

    if not witness.wait(is_back, PATIENCE_S):
        result.not_back += 1
        result.notes.append(f"not back: {trouble.folder.name}")
        print(f"{result.notes[-1]}; {witness.alarms[-6:]}", (trouble.folder / "edge.log").read_text()[-4000:])
    return time.monotonic() - began


def _compare(
    trouble: Disturbance, witness: Witness, kept: dict[str, bytes], result: DisturbanceResult, during: range
) -> None:
    witness.wait(lambda: len(witness.verdicts) >= len(kept), PATIENCE_S / 2)
    found = [json.loads(content) for content in witness.verdicts.values()]
    numbers: dict[str, set[int]] = {}
    for identity in witness.verdicts:
        numbers.setdefault(_run_of(identity), set()).add(_number_of(identity))
    first_run = next(iter(numbers))
    seen = [v for v in found if _run_of(v["id"]) == first_run and v["sequence"] in during]
    result.parts += len(seen)
    if not trouble.is_cut_off:
        result.unrejected += sum(verdict["part"] not in witness.rejected_parts for verdict in seen)
        result.unsent += witness.commands_unsent
    result.commands_late += witness.commands_sent_late
    unsent = len(kept.keys() - witness.verdicts.keys())
    holes = [n for seen in numbers.values() for n in range(max(seen)) if n not in seen]
    result.missing += unsent + len(holes)
    result.unrecorded += len(witness.rejected_parts - {verdict["part"] for verdict in found})
    if unsent or holes:
        where = f"{len(holes)} of {during} without a trace, from {holes[:1]} to {holes[-1:]}"
        result.notes.append(f"{unsent} are in the journal and did not arrive, {where}")
    result.two_contents += len(set(witness.two_contents))
    result.out_of_order += witness.out_of_order()
    raised = [alarm for alarm, is_raised in witness.alarms if is_raised]
    result.said += trouble.alarm in raised
    # How often this machine gave the daemon no time is not this trouble's.
    result.said_again += sum(raised.count(alarm) - 1 for alarm in set(raised) - {"gate"})
    result.still_raised += sum(is_raised for is_raised in dict(witness.alarms).values())
    others = sorted(set(raised) - {trouble.alarm})
    if others:
        result.notes.append(f"also said: {', '.join(others)}")


def _number_of(identity: str) -> int:
    return int(identity.rsplit("-", 1)[1])


def _run_of(identity: str) -> str:
    return identity.rsplit("-", 1)[0]


def _wait(witness: Witness, condition: Callable[[], bool], what: str) -> None:
    if not witness.wait(condition, PATIENCE_S):
        raise TimeoutError(f"not within {PATIENCE_S:g} s: {what}")


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True)
