"""`make bench`: what our inspector adds to a bare `invoke`, on the same frames and in one run.

Machines are shared and noisy, so the kinds take turns frame by frame and what counts is the
ratio of their medians.
"""

import argparse
import platform
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.core.errors import LinegateError
from edge.core.frame import Frame
from edge.core.interpreter import open_interpreter, runtime_version
from edge.core.preprocess import preprocess
from edge.core.runtime import BundleModel, load_model
from edge.inspection.inspector import Inspector
from edge.simulation.parts import PartRenderer

BUNDLE = Path(__file__).parents[1] / "samples" / "demo.tflite"
PARTS = 64  # different pictures, so that no cache holds the answer


def measure(bundle: Path, *, rounds: int, threads: int) -> dict[str, NDArray[np.float64]]:
    """Milliseconds of each kind, each (rounds,); raises BundleError."""
    cv2.setNumThreads(threads)
    model = load_model(bundle, threads=threads)
    frames = _frames()
    kinds = _kinds(model, frames)
    times = {name: np.empty(rounds) for name in kinds}
    for number in range(-PARTS, rounds):  # the first turns warm up
        for name, run in kinds.items():
            begun = time.perf_counter_ns()
            run(number % PARTS)
            took = (time.perf_counter_ns() - begun) / 1e6
            if number >= 0:
                times[name][number] = took
    return times


def _frames() -> list[Frame]:
    renderer = PartRenderer(seed=99)
    now = datetime.now(UTC)
    return [
        Frame(renderer.render(number).image, number, captured=0.0, captured_at=now) for number in range(PARTS)
    ]


def _kinds(model: BundleModel, frames: list[Frame]) -> dict[str, Callable[[int], Any]]:
    spec = model.bundle.manifest.input
    inspector = Inspector(model)
    ready = [preprocess(frame.image, spec)[np.newaxis] for frame in frames]
    # The bare runtime, without anything of ours.
    interpreter: Any = open_interpreter(model.bundle.flatbuffer, threads=1, name="bare")
    entry, output = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]

    def invoke(pixels: NDArray[np.uint8]) -> Any:
        interpreter.set_tensor(entry, pixels)
        interpreter.invoke()
        return interpreter.get_tensor(output)

    def resize_and_invoke(number: int) -> Any:
        image = frames[number].image
        small = cv2.resize(image, (spec.width, spec.height), interpolation=cv2.INTER_AREA)
        return invoke(np.asarray(small, np.uint8).reshape(1, spec.height, spec.width, 1))

    return {
        "bare invoke": lambda number: invoke(ready[number]),
        "cv2.resize + invoke": resize_and_invoke,
        "our inspector": lambda number: inspector.inspect(frames[number]),
    }


def report(times: dict[str, NDArray[np.float64]]) -> str:
    """A table: median, p99, and the ratio of medians to each of the first two."""
    medians = {name: float(np.median(values)) for name, values in times.items()}
    bare, resized = medians["bare invoke"], medians["cv2.resize + invoke"]
    lines = [f"{'':<20} {'median ms':>10} {'p99 ms':>8} {'to invoke':>10} {'to resize + invoke':>19}"]
    lines += [
        f"{name:<20} {medians[name]:>10.3f} {np.percentile(values, 99):>8.3f} "
        f"{medians[name] / bare:>10.2f} {medians[name] / resized:>19.2f}"
        for name, values in times.items()
    ]
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    """Measure and print; returns the exit status."""
    parser = argparse.ArgumentParser(prog="benchmarks/latency.py", description=__doc__)
    parser.add_argument("--bundle", type=Path, default=BUNDLE, help="default: samples/demo.tflite")
    parser.add_argument("--rounds", type=int, default=3000, help="frames (default: 3000)")
    parser.add_argument("--threads", type=int, default=1, help="default: 1")
    arguments = parser.parse_args(argv)
    try:
        times = measure(arguments.bundle, rounds=arguments.rounds, threads=arguments.threads)
    except LinegateError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    print(
        f"{arguments.bundle.name}, {arguments.rounds} frames of 240x240, {arguments.threads} thread; "
        f"{runtime_version()}, Python {platform.python_version()}, {platform.machine()}"
    )
    print(report(times))
    return 0


if __name__ == "__main__":
    sys.exit(main())
