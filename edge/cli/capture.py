"""Frames from the camera into a dataset: `edge --capture DIR/CLASS`."""

import sys
from pathlib import Path

from tqdm import tqdm

from edge.camera.source import open_camera
from edge.core.errors import CameraError, InputError, SettingsError
from edge.core.files import write_whole
from edge.core.images import Image, encode_png
from edge.settings.camera import AnyCameraSettings, SimulatedSettings
from edge.simulation.parts import DEFECT_KINDS, PartRenderer


def capture(settings: AnyCameraSettings, folder: Path, count: int) -> int:
    """Write ``count`` frames as PNG files into ``folder``; returns how many were written.

    Files already there are kept: numbers go on after the highest. The simulated conveyor draws
    parts of the class that the folder is named after: ok, defect, or a kind of defect.
    Raises CameraError, InputError or SettingsError.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--capture {folder}: cannot be made ({error.strerror})") from error
    if settings.kind == "simulated":
        return _capture_simulated(settings, folder, count)
    camera = open_camera(settings)
    written, first = 0, _next_number(folder)
    try:
        with tqdm(total=count, unit="frame", disable=not sys.stderr.isatty()) as bar:
            while written < count:
                frame = camera.read()
                if frame is None:
                    break
                _write(folder, first + written, frame.image)
                written += 1
                bar.update()
    finally:
        camera.close()
    if not written:
        raise CameraError(f"{camera.description}: gave no frame")
    return written


def _capture_simulated(settings: SimulatedSettings, folder: Path, count: int) -> int:
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
    return count


def _next_number(folder: Path) -> int:
    return max((int(path.stem) for path in folder.glob("*.png") if path.stem.isdecimal()), default=-1) + 1


def _write(folder: Path, number: int, image: Image) -> None:
    path = folder / f"{number:06d}.png"
    try:
        write_whole(path, encode_png(image))
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from error
