"""`make backbones DATA=…`: what each backbone takes; the table of trainer/backbones/README.md.

Each is rounded on some photographs, made int8 as `quantize` does, and asked about others, in float and in
int8: their maps must be the same to the bit.
"""

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.results import ROOT, machine
from edge.core.interpreter import open_interpreter
from edge.core.photographs.listing import list_images
from edge.core.preprocess import to_network_input
from quantize.convert import convert
from quantize.operators import count_operators
from trainer.backbones.backbone import Backbone
from trainer.backbones.find import find_backbones
from trainer.whole_numbers.network import PHOTOGRAPHS, in_whole_numbers

DOCUMENT = ROOT / "trainer" / "backbones" / "README.md"
_START, _END = "<!-- cost: made by benchmarks/backbones.py -->", "<!-- /cost -->"
SIDES = (160, 224, 320, 512)
ASKED, RUNS, SEED = 20, 100, 11


@dataclass(frozen=True)
class Cost:
    """``differ``: of the int8 ``values`` of all maps; ``seconds``: of one processor, to round the network."""

    kilobytes: float
    milliseconds: float
    seconds: float
    values: int
    differ: int
    not_xnnpack: str


def main(argv: list[str] | None = None) -> int:
    """Measure and write; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make backbones", description=__doc__)
    parser.add_argument("data", type=Path, help="a folder of photographs, at any depth")
    data = parser.parse_args(argv).data
    files = _some(data)
    rows = [
        "| as far as its last features | pixels | kB | ms | values that differ | s to round | not XNNPACK |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for found in find_backbones():
        if found.backbone is None:
            print(f"{found.name}: {found.reason}", file=sys.stderr)
            continue
        for side in SIDES:
            cost = measure(found.backbone, _read(files, side))
            rows.append(
                f"| `{found.name}` | {side}x{side} | {cost.kilobytes:.0f} | {cost.milliseconds:.2f} "
                f"| {cost.differ} of {cost.values:,} values | {cost.seconds:.0f} | {cost.not_xnnpack} |"
            )
            print(rows[-1], file=sys.stderr, flush=True)
    note = (
        f"One thread, the least of {RUNS} runs on {machine()}; values of all maps of {ASKED} photographs of "
        f"`{data.name}` that nothing was fitted on; seconds of one processor, of {PHOTOGRAPHS} to round on."
    )
    text = DOCUMENT.read_text()
    before, rest = text.split(_START)
    DOCUMENT.write_text(before + "\n".join([_START, *rows, "", note, _END]) + rest.split(_END)[1])
    return 0


def measure(backbone: Backbone, pixels: NDArray[np.uint8]) -> Cost:
    """The cost of the maps of ``texture_taps``; of ``pixels``, uint8 (N, H, W, C), the last ASKED count."""
    _, height, width, channels = pixels.shape
    network = backbone.build(height, width, channels, backbone.texture_taps)
    start = time.process_time()
    rounded = in_whole_numbers(network, pixels[:-ASKED], seed=SEED)
    seconds = time.process_time() - start
    int8 = convert(rounded, pixels[:1])
    interpreter = open_interpreter(int8, threads=1, name=backbone.name)
    asked = pixels[-ASKED:]
    wanted = [np.asarray(values) for values in rounded(to_network_input(asked), training=False)]
    differ = [
        _differing(interpreter, image, [values[number] for values in wanted])
        for number, image in enumerate(asked)
    ]
    return Cost(
        kilobytes=len(int8) / 1000,
        milliseconds=1000 * min(_times(interpreter)),
        seconds=seconds,
        values=sum(values.size for values in wanted),
        differ=sum(differ),
        not_xnnpack=", ".join(count_operators(int8, name=backbone.name).not_xnnpack),
    )


def _differing(interpreter: Any, image: NDArray[np.uint8], maps: list[NDArray[np.float32]]) -> int:
    """The number of values that int8 says otherwise; outputs have no order, a map is the most alike."""
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image[np.newaxis])
    interpreter.invoke()
    said = []
    for end in interpreter.get_output_details():
        scale, zero_point = end["quantization"]
        steps = interpreter.get_tensor(end["index"])[0].astype(np.float32) - zero_point
        said.append(steps * np.float32(scale))
    return sum(
        min(int((one != values).sum()) for one in said if one.shape == values.shape) for values in maps
    )


def _times(interpreter: Any) -> list[float]:
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        interpreter.invoke()
        times.append(time.perf_counter() - start)
    return times


def _some(folder: Path) -> list[Path]:
    """As many as are rounded on, and those that are asked, of all that there are."""
    files = list_images(folder)
    count = PHOTOGRAPHS + ASKED
    if len(files) < count:
        sys.exit(f"{folder}: {len(files)} photographs; expected at least {count}")
    return [files[at] for at in np.random.default_rng(SEED).permutation(len(files))[:count]]


def _read(files: list[Path], side: int) -> NDArray[np.uint8]:
    pixels = np.empty((len(files), side, side, 1), np.uint8)
    for into, file in zip(pixels, files, strict=True):
        image = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
        if image is None:
            sys.exit(f"{file}: expected an image")
        into[..., 0] = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    return pixels


if __name__ == "__main__":
    sys.exit(main())
