"""Frame to inspection: the product's inspector beside `cv2.resize`, `set_tensor`, `invoke` and `get_tensor`.

Machines are shared and noisy, so the kinds take turns frame by frame and what counts is the ratio of their
medians in one run.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.performance import tables
from edge.core.errors import LinegateError
from edge.core.frame import Frame
from edge.core.interpreter import open_interpreter
from edge.core.preprocess import preprocess
from edge.core.runtime import BundleModel, load_model
from edge.inspection.inspector import Inspector
from edge.simulation.parts import PartRenderer

BUNDLE = Path(__file__).parents[2] / "samples" / "demo.tflite"
DRAWN = (240, 240)  # a drawn part as it is
CAMERAS = ((640, 480), (1280, 720), (2448, 2048))
PARTS = 8  # different pictures, so that no cache holds the answer
_WARM_UP = 20


@dataclass(frozen=True)
class Timing:
    """Median and p99 of each kind in milliseconds, for one bundle, camera and number of threads."""

    bundle: str
    has_heatmap: bool
    width: int
    height: int
    colour: bool
    threads: int
    rounds: int
    milliseconds: dict[str, tuple[float, float]]

    @property
    def ratio(self) -> float:
        """Median of the inspector to that of resize and invoke."""
        return self.milliseconds["inspector"][0] / self.milliseconds["resize + invoke"][0]


def sweep(bundles: Sequence[Path], *, rounds: int, threads: Sequence[int] = (1, 2)) -> Iterator[Timing]:
    """Every bundle with every kind of camera; raises BundleError."""
    for bundle in bundles:
        for count in threads:
            model = load_model(bundle, threads=count)
            for size in (DRAWN, *CAMERAS):
                for colour in (False, True):
                    yield measure(model, bundle.name, size=size, colour=colour, threads=count, rounds=rounds)


def measure(
    model: BundleModel, name: str, *, size: tuple[int, int], colour: bool, threads: int, rounds: int
) -> Timing:
    """Time one configuration, the kinds in turns."""
    cv2.setNumThreads(threads)
    kinds = _kinds(model, _frames(size, colour=colour), threads=threads)
    times = {kind: np.empty(rounds) for kind in kinds}
    for number in range(-_WARM_UP, rounds):
        for kind, run in kinds.items():
            begun = time.perf_counter_ns()
            run(number % PARTS)
            took = (time.perf_counter_ns() - begun) / 1e6
            if number >= 0:
                times[kind][number] = took
    found = {
        kind: (float(np.median(values)), float(np.percentile(values, 99))) for kind, values in times.items()
    }
    return Timing(name, model.spec.heatmap is not None, *size, colour, threads, rounds, found)


def _frames(size: tuple[int, int], *, colour: bool) -> list[Frame]:
    renderer = PartRenderer(seed=99)
    now = datetime.now(UTC)
    images = (cv2.resize(renderer.render(number).image, size) for number in range(PARTS))
    return [
        Frame(
            np.asarray(np.repeat(image[..., np.newaxis], 3, axis=2) if colour else image, np.uint8),
            number, captured=0.0, captured_at=now,
        )
        for number, image in enumerate(images)
    ]  # fmt: skip


def _kinds(model: BundleModel, frames: list[Frame], *, threads: int) -> dict[str, Callable[[int], Any]]:
    spec = model.bundle.manifest.input
    inspector = Inspector(model)
    ready = [preprocess(frame.image, spec)[np.newaxis] for frame in frames]
    # The bare runtime, without anything of ours.
    interpreter: Any = open_interpreter(model.bundle.flatbuffer, threads=threads, name="bare")
    entry = interpreter.get_input_details()[0]["index"]
    outputs = [output["index"] for output in interpreter.get_output_details()]

    def invoke(pixels: NDArray[np.uint8]) -> Any:
        interpreter.set_tensor(entry, pixels)
        interpreter.invoke()
        return [interpreter.get_tensor(output) for output in outputs]

    def resize_and_invoke(number: int) -> Any:
        image: Any = frames[number].image
        if image.ndim == 3 and spec.channels == 1:
            image = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        elif image.ndim == 2 and spec.channels == 3:
            image = cv2.cvtColor(image, cv2.COLOR_GRAY2RGB)
        small = cv2.resize(image, (spec.width, spec.height), interpolation=cv2.INTER_AREA)
        return invoke(small.reshape(1, spec.height, spec.width, spec.channels))

    return {
        "invoke": lambda number: invoke(ready[number]),
        "resize + invoke": resize_and_invoke,
        "inspector": lambda number: inspector.inspect(frames[number]),
    }


def documents(timings: Sequence[Timing]) -> list[dict[str, Any]]:
    """For JSON."""
    return [asdict(one) | {"ratio": one.ratio} for one in timings]


def main(argv: list[str] | None = None) -> int:
    """Time one bundle on drawn parts as they are, and print; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.performance.inspector", description=__doc__)
    parser.add_argument("--bundle", type=Path, default=BUNDLE, help="default: samples/demo.tflite")
    parser.add_argument("--rounds", type=int, default=3000, help="frames (default: 3000)")
    parser.add_argument("--threads", type=int, default=1, help="default: 1")
    arguments = parser.parse_args(argv)
    try:
        model = load_model(arguments.bundle, threads=arguments.threads)
    except LinegateError as error:
        print(f"inspector: {error}", file=sys.stderr)
        return 2
    timing = measure(
        model,
        arguments.bundle.name,
        size=DRAWN,
        colour=False,
        threads=arguments.threads,
        rounds=arguments.rounds,
    )
    print(tables.timings([timing]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
