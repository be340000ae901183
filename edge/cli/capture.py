"""Frames from the camera into a dataset: `edge --capture DIR/CLASS`."""

import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from edge.camera.depth import Depth
from edge.camera.source import open_camera
from edge.core.complaints import listening
from edge.core.errors import CameraError, InputError, SettingsError
from edge.core.files import folder_to_fill, write_whole
from edge.core.images import Image, encode_png
from edge.settings.camera import AnyCameraSettings, SimulatedSettings
from edge.simulation.parts import DEFECT_KINDS, PartRenderer

_MOST_FAULTY = 100  # frames, before it is given up


@dataclass(frozen=True)
class Captured:
    """Counts of frames that were written, and of those that each fault of the camera left out."""

    written: int
    faults: Counter[str]

    def __str__(self) -> str:
        return f"{self.written} frames written" + (f", {_in_words(self.faults)}" if self.faults else "")


def capture(settings: AnyCameraSettings, folder: Path, count: int, bits: int | None = None) -> Captured:
    """Write ``count`` whole frames as PNG files into ``folder``.

    Files already there are kept: numbers go on after the highest. The simulated conveyor draws
    parts of the class that the folder is named after: ok, defect, or a kind of defect. ``bits`` as for
    ``edge.camera.depth``; a camera that needs them where nobody says them is refused.
    Raises CameraError, InputError or SettingsError.
    """
    try:
        with folder_to_fill(folder), listening():
            if settings.kind == "simulated":
                return _capture_simulated(settings, folder, count)
            return _capture(settings, folder, count, Depth(bits))
    except OSError as error:
        raise InputError(f"--capture {folder}: cannot be made ({error.strerror})") from error


def _capture(settings: AnyCameraSettings, folder: Path, count: int, depth: Depth) -> Captured:
    camera = open_camera(settings, depth)
    first, written, faults = _next_number(folder), 0, Counter[str]()
    try:
        with tqdm(total=count, unit="frame", disable=not sys.stderr.isatty()) as bar:
            while written < count and faults.total() < max(count, _MOST_FAULTY):
                frame = camera.read()
                if frame is None:
                    break
                if camera.live and frame.bits is not None and depth.bits is None:
                    raise SettingsError(
                        "camera.bits: the camera gives 16 bits and does not say how many of them it uses; "
                        "expected 8 to 16 here, or a bundle that knows (model.path)"
                    )
                if frame.fault is not None:
                    faults[frame.fault] += 1
                    continue
                _write(folder, first + written, frame.image)
                written += 1
                bar.update()
    finally:
        camera.close()
    if not written:
        raise CameraError(
            f"{camera.description}: gave no frame" + (f"; {_in_words(faults)}" if faults else "")
        )
    return Captured(written, faults)


def _in_words(faults: Counter[str]) -> str:
    return f"{faults.total()} left out: {'; '.join(f'{text} ({n})' for text, n in faults.most_common())}"


def _capture_simulated(settings: SimulatedSettings, folder: Path, count: int) -> Captured:
    kind = folder.name
    if kind not in ("ok", "defect", *DEFECT_KINDS):
        raise SettingsError(
            f"--capture {folder}: the simulated conveyor draws ok, defect, {', '.join(DEFECT_KINDS)}; "
            "name the folder after one of them"
        )
    # A seed of its own for each class: the same disc must not lie in two classes.
    seed = settings.seed * 100 + ("ok", "defect", *DEFECT_KINDS).index(kind)
    renderer = PartRenderer(seed=seed, size=settings.size)
    first = _next_number(folder)
    for number in tqdm(range(first, first + count), unit="frame", disable=not sys.stderr.isatty()):
        _write(folder, number, renderer.render(number, kind=kind).image)
    return Captured(count, Counter())


def _next_number(folder: Path) -> int:
    return max((int(path.stem) for path in folder.glob("*.png") if path.stem.isdecimal()), default=-1) + 1


def _write(folder: Path, number: int, image: Image) -> None:
    path = folder / f"{number:06d}.png"
    try:
        write_whole(path, encode_png(image))
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from error
