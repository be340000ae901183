"""One chunk of one target, in a process of its own: it may crash, hang, or eat the memory.

What it does depends on nothing but its seed, target, number and size, so that any chunk can be run again.
"""

import json
import mmap
import os
import random
import resource
import signal
import struct
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.campaign.fuzz.mutate import LARGEST_BYTES, mutate
from benchmarks.campaign.fuzz.targets import TAKEN, Run, Target, targets

HANGS_AFTER_S = 20.0
MOST_CPU_S = 2.0
MOST_GROWTH_MB = 256
_CORPUS = 300
_HEAD = struct.Struct("<II")


@dataclass
class Chunk:
    """Results of so many inputs; ``kinds`` are the different ways in which they were taken or refused."""

    target: str
    seed: int
    number: int
    inputs: int = 0
    taken: int = 0
    kinds: set[str] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    growth_mb: float = 0.0


class Note:
    """A file that outlives a crash: how many inputs were begun, and the last of them."""

    def __init__(self, path: Path) -> None:
        size = _HEAD.size + LARGEST_BYTES
        with path.open("a+b") as file:
            file.truncate(size)
            self._memory = mmap.mmap(file.fileno(), size)

    def write(self, number: int, data: bytes) -> None:
        """Before an input is tried."""
        self._memory[: _HEAD.size] = _HEAD.pack(number, len(data))
        self._memory[_HEAD.size : _HEAD.size + len(data)] = data

    def read(self) -> tuple[int, bytes]:
        """The last one."""
        number, size = _HEAD.unpack(self._memory[: _HEAD.size])
        return number, self._memory[_HEAD.size : _HEAD.size + size]


def run_chunk(target: Target, *, seed: int, number: int, inputs: int, note: Note) -> Chunk:
    """Spoil the seeds, and what was found to be refused in a new way, so many times."""
    chance = random.Random(f"{seed} {target.name} {number}")
    run = target.open()
    corpus = list(target.seeds)
    chunk = Chunk(target.name, seed, number)
    for data in corpus:
        chunk.kinds.add(run(data))
    begun_mb = _peak_mb()
    for index in range(inputs):
        data = mutate(chance.choice(corpus), chance, corpus)
        note.write(index + 1, data)
        kind = _try(chunk, run, data)
        if kind is not None and kind not in chunk.kinds:
            chunk.kinds.add(kind)
            if len(corpus) < _CORPUS:
                corpus.append(data)
        grown = _peak_mb() - begun_mb
        if grown - chunk.growth_mb > MOST_GROWTH_MB:
            chunk.failures.append(f"memory: {grown - chunk.growth_mb:.0f} MB for {data.hex()}")
        chunk.growth_mb = max(chunk.growth_mb, grown)
    return chunk


def _try(chunk: Chunk, run: Run, data: bytes) -> str | None:
    signal.setitimer(signal.ITIMER_REAL, HANGS_AFTER_S)  # nobody handles it: it ends the process
    began = time.process_time()
    kind = None
    try:
        kind = run(data)
        chunk.taken += kind.startswith(TAKEN)
    except Exception as error:  # that is what is looked for
        chunk.failures.append(f"{type(error).__name__}: {str(error)[:200]} for {data[:2000].hex()}")
    took = time.process_time() - began
    chunk.slowest_s = max(chunk.slowest_s, took)
    if took > MOST_CPU_S:
        chunk.failures.append(f"slow: {took:.1f} s for {data[:2000].hex()}")
    chunk.inputs += 1
    return kind


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """``worker TARGET SEED NUMBER INPUTS NOTE``; a JSON document on standard output."""
    name, seed, number, inputs, note = sys.argv[1:]
    os.nice(10)
    (target,) = [target for target in targets() if target.name == name]
    chunk = run_chunk(target, seed=int(seed), number=int(number), inputs=int(inputs), note=Note(Path(note)))
    print(json.dumps({**asdict(chunk), "kinds": sorted(chunk.kinds)}))


if __name__ == "__main__":
    main()
