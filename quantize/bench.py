"""The time of a graph on this machine, and its memory, beside LiteRT's own benchmark tool."""

import importlib.util
import json
import multiprocessing
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge.core.errors import BundleError
from edge.core.graph_trial import try_graph
from edge.core.interpreter import open_interpreter, runtime_version
from quantize.external_model import read_graph

WARM_UP_RUNS = 20
LEAST_RUNS, SECONDS = 20, 10.0  # a slow graph gets no more runs than fit into so many seconds
TOOL = "ai_edge_litert.tools.benchmark_litert_model"
_TOOL_SECONDS = 120


@dataclass(frozen=True)
class Timing:
    """Milliseconds of one ``invoke``; ``memory_mb``: what loading and running added at most to the process.

    ``litert_median_ms``: what LiteRT's own tool says for as many runs, to a hundredth. None: not known.
    """

    threads: int
    runs: int
    median_ms: float
    p99_ms: float
    memory_mb: float | None
    litert_median_ms: float | None = None


@dataclass(frozen=True)
class Benchmark:
    """All of it. ``missing`` says why there is nothing to compare with, or is None."""

    file: str
    bytes: int
    runtime: str
    machine: str
    timings: list[Timing]
    missing: str | None


def bench(file: Path, *, runs: int, threads: int) -> Benchmark:
    """Run a graph on 1 to ``threads`` threads, each in a process of its own.

    Raises InputError where the file cannot be read, BundleError where the runtime cannot run it.
    """
    content = read_graph(file)
    try_graph(content, threads=1, name=str(file))  # a file that is no graph is refused here
    missing = None if _has_tool() else "LiteRT's own benchmark tool is not installed"
    timings = []
    for count in range(1, threads + 1):
        timing = _in_own_process(file, count, runs)
        if missing is None:
            try:
                timing = _beside_litert(timing, file)
            except _ToolError as error:
                missing = f"LiteRT's own benchmark tool fails: {error}"
        timings.append(timing)
    processors = os.cpu_count()
    return Benchmark(
        file=str(file),
        bytes=len(content),
        runtime=runtime_version(),
        machine=f"{platform.machine()}, {processors} processors, Python {platform.python_version()}",
        timings=timings,
        missing=missing,
    )


def bench_table(result: Benchmark) -> str:
    """A table for people."""
    lines = [
        f"{result.file}: {result.bytes / 1000:.0f} kB; {result.runtime}, {result.machine}",
        "threads   runs  median ms    p99 ms  memory MB  LiteRT's tool, median ms",
    ]
    for row in result.timings:
        memory = "-" if row.memory_mb is None else f"{row.memory_mb:.1f}"
        tool = "-" if row.litert_median_ms is None else f"{row.litert_median_ms:.2f}"
        times = f"{row.median_ms:>10.3f} {row.p99_ms:>9.3f}"
        lines.append(f"{row.threads:>7} {row.runs:>6} {times} {memory:>10} {tool:>25}")
    return "\n".join([*lines, *([result.missing] if result.missing else [])])


def _in_own_process(file: Path, threads: int, runs: int) -> Timing:
    """A fresh process each, for a peak of memory that is of this graph alone."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        try:
            return pool.submit(measure, file, threads, runs).result()
        except BrokenProcessPool as error:
            raise BundleError(f"{file}: the runtime crashes on it with {threads} threads") from error


def measure(file: Path, threads: int, runs: int) -> Timing:
    """Time a graph in this process."""
    runtime_version()  # loads the runtime, whose own memory is not the graph's
    before = _memory_kb("VmRSS")
    interpreter = open_interpreter(read_graph(file), threads=threads, name=str(file))
    _fill(interpreter)
    times = np.array(list(_times(interpreter, runs))) * 1000
    peak = _memory_kb("VmHWM")
    return Timing(
        threads=threads,
        runs=len(times),
        median_ms=round(float(np.median(times)), 4),
        p99_ms=round(float(np.percentile(times, 99)), 4),
        memory_mb=None if before is None or peak is None else round((peak - before) / 1000, 1),
    )


def _fill(interpreter: Any) -> None:
    """Random numbers for every input: what they are does not change the time."""
    generator = np.random.default_rng(1)
    for entry in interpreter.get_input_details():
        shape, kind = tuple(entry["shape"]), np.dtype(entry["dtype"])
        if kind.kind == "f":
            values = generator.random(shape).astype(kind)
        else:
            values = generator.integers(0, 128, shape).astype(kind)
        interpreter.set_tensor(entry["index"], values)


def _times(interpreter: Any, runs: int) -> Iterator[float]:
    """Seconds of each run after the first, which warm up."""
    for _ in range(WARM_UP_RUNS):
        interpreter.invoke()
    started = time.perf_counter()
    for number in range(runs):
        begun = time.perf_counter()
        if number >= LEAST_RUNS and begun - started > SECONDS:
            return
        interpreter.invoke()
        yield time.perf_counter() - begun


def _memory_kb(key: str) -> int | None:
    """A size from Linux's own record of this process; None elsewhere."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{key}:")), None)


class _ToolError(Exception):
    """LiteRT's own tool gave no figure."""


def _has_tool() -> bool:
    try:
        return importlib.util.find_spec(TOOL) is not None
    except ModuleNotFoundError:
        return False


def _beside_litert(timing: Timing, file: Path) -> Timing:
    """The same with the median that LiteRT's own tool finds in as many runs; raises _ToolError."""
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder) / "result.json"
        command = [
            *(sys.executable, "-m", TOOL, f"--model={file.resolve()}", f"--num_threads={timing.threads}"),
            *(f"--num_runs={timing.runs}", f"--warmup_runs={WARM_UP_RUNS}", f"--result_json={found}"),
        ]
        try:
            subprocess.run(  # noqa: S603 - our own Python, and a path that the runtime has loaded
                command, capture_output=True, text=True, timeout=_TOOL_SECONDS, check=True
            )
            median = float(json.loads(found.read_text())["latency"]["median_ms"])
        except subprocess.SubprocessError as error:
            said = str(getattr(error, "stderr", None) or error).strip().splitlines()
            raise _ToolError(said[-1] if said else type(error).__name__) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise _ToolError("it wrote no result") from error
    return Timing(**{**vars(timing), "litert_median_ms": median})
