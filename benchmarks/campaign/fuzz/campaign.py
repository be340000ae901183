"""A million inputs, in chunks that each run in a process of its own; it goes on where it was stopped."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.campaign.fuzz.targets import ROOT, Target, targets
from benchmarks.campaign.fuzz.worker import HANGS_AFTER_S, Chunk, Note

CHUNK = 5000
DONE = "fuzz.jsonl"


@dataclass
class FuzzResult:
    """Results of one target's inputs, or of all."""

    inputs: int = 0
    taken: int = 0
    kinds: set[str] = field(default_factory=set)
    crashes: int = 0
    hangs: int = 0
    failures: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    growth_mb: float = 0.0

    def add(self, chunk: dict[str, Any]) -> None:
        """One more chunk."""
        self.inputs += chunk["inputs"]
        self.taken += chunk["taken"]
        self.kinds |= set(chunk["kinds"])
        self.crashes += chunk.get("crashed", 0)
        self.hangs += chunk.get("hung", 0)
        self.failures += chunk["failures"]
        self.slowest_s = max(self.slowest_s, chunk["slowest_s"])
        self.growth_mb = max(self.growth_mb, chunk["growth_mb"])


def fuzz(
    folder: Path,
    *,
    inputs: int,
    seed: int,
    jobs: int = 1,
    chunk: int = CHUNK,
    names: Collection[str] | None = None,
) -> dict[str, FuzzResult]:
    """Try so many inputs in all, by target; chunks that ``folder`` holds the outcome of are not run again.

    Of the targets only those of ``names``, each with its share of ``inputs``; by default all.
    """
    folder.mkdir(parents=True, exist_ok=True)
    done = {(c["target"], c["number"], c["wanted"]): c for c in _read(folder) if c["seed"] == seed}
    wanted = [
        (target, number, size)
        for target in targets()
        if names is None or target.name in names
        for number, size in enumerate(_sizes(round(inputs * target.share), chunk))
    ]
    missing = [each for each in wanted if (each[0].name, each[1], each[2]) not in done]
    with ThreadPoolExecutor(jobs) as pool, (folder / DONE).open("a") as file:
        for outcome in pool.map(lambda each: run_chunk(folder, seed, *each), missing):
            file.write(json.dumps(outcome) + "\n")
            file.flush()
            done[outcome["target"], outcome["number"], outcome["wanted"]] = outcome
    results: dict[str, FuzzResult] = {}
    for target, number, size in wanted:
        results.setdefault(target.name, FuzzResult()).add(done[target.name, number, size])
    return results


def _read(folder: Path) -> Iterator[dict[str, Any]]:
    file = folder / DONE
    for line in file.read_text().splitlines() if file.exists() else []:
        yield json.loads(line)


def _sizes(inputs: int, chunk: int) -> list[int]:
    return [chunk] * (inputs // chunk) + ([inputs % chunk] if inputs % chunk else [])


def run_chunk(folder: Path, seed: int, target: Target, number: int, size: int) -> dict[str, Any]:
    """One chunk; where its process dies, what was begun counts, and the last input is kept."""
    note = folder / f"note-{target.name}-{number}"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "benchmarks.campaign.fuzz.worker",
            target.name,
            str(seed),
            str(number),
            str(size),
            note,
        ],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    begun, last = Note(note).read()
    note.unlink()
    if done.returncode == 0:
        outcome = json.loads(done.stdout)
    else:
        outcome = _ended_early(Chunk(target.name, seed, number), done, begun, last)
    return {**outcome, "wanted": size}


def _ended_early(
    chunk: Chunk, done: subprocess.CompletedProcess[str], begun: int, last: bytes
) -> dict[str, Any]:
    hung = done.returncode == -signal.SIGALRM
    what = f"hung for {HANGS_AFTER_S:g} s" if hung else f"ended with {done.returncode}: {done.stderr[-300:]}"
    chunk.inputs = begun
    chunk.failures.append(f"{what} for {last.hex()}")
    return {**asdict(chunk), "kinds": [], "hung": int(hung), "crashed": int(not hung)}
