"""Resources of a process, as Linux counts them."""

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_EVERY_S = 0.2


@dataclass(frozen=True)
class Usage:
    """Totals of a process since its start; ``memory_mb`` is resident now, shared pages by their share."""

    cpu_s: float
    switches: int
    written_bytes: int
    memory_mb: float


def usage(pid: int) -> Usage:
    """The present usage of a process; raises OSError where there is none."""
    process = Path(f"/proc/{pid}")
    fields = (process / "stat").read_text().rpartition(") ")[2].split()
    switches = 0
    for task in (process / "task").iterdir():
        counts = _numbers(task / "status")
        switches += counts["voluntary_ctxt_switches"] + counts["nonvoluntary_ctxt_switches"]
    return Usage(
        cpu_s=(int(fields[11]) + int(fields[12])) / _TICKS,
        switches=switches,
        written_bytes=_numbers(process / "io")["write_bytes"],
        memory_mb=_numbers(process / "smaps_rollup")["Pss"] / 1024,
    )


def _numbers(file: Path) -> dict[str, int]:
    pairs = (line.split(":", 1) for line in file.read_text().splitlines() if ":" in line)
    words = ((name, rest.split()) for name, rest in pairs)
    return {name: int(rest[0]) for name, rest in words if rest and rest[0].isdecimal()}


@dataclass(frozen=True)
class Spent:
    """The cost of so many parts to a process; memory is that of the end."""

    parts: int
    seconds: float
    cpu_ms_a_part: float
    switches_a_part: float
    written_bytes_a_part: float
    memory_mb: float


class UsageWatch:
    """Samples the usage of a process, and how many parts it has done, from ``after`` parts until it ends."""

    def __init__(self, pid: int, done: Callable[[], int], *, after: int) -> None:
        self._pid, self._done, self._after = pid, done, after
        self._samples: list[tuple[float, int, Usage]] = []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> Spent:
        """End the sampling; raises RuntimeError where no part was done between two samples."""
        self._end.set()
        self._thread.join()
        if len(self._samples) < 2 or self._samples[-1][1] == self._samples[0][1]:
            raise RuntimeError(f"process {self._pid} did nothing that could be sampled")
        (begun, first, before), (ended, last, after) = self._samples[0], self._samples[-1]
        parts = last - first
        return Spent(
            parts=parts,
            seconds=ended - begun,
            cpu_ms_a_part=(after.cpu_s - before.cpu_s) / parts * 1000,
            switches_a_part=(after.switches - before.switches) / parts,
            written_bytes_a_part=(after.written_bytes - before.written_bytes) / parts,
            memory_mb=after.memory_mb,
        )

    def _run(self) -> None:
        while not self._end.wait(_EVERY_S):
            done = self._done()
            if done < self._after:
                continue
            try:
                self._samples.append((time.monotonic(), done, usage(self._pid)))
            except (OSError, KeyError):  # it has ended
                return
