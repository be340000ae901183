"""The offline loop: stored frames through the same inspector as live ones."""

import csv
import io
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tqdm import tqdm

from edge.camera.opencv import OpenCvCamera
from edge.core.csv_cells import CSV_ENCODING, to_cell
from edge.core.decision import Verdict
from edge.core.errors import ImageError, InputError
from edge.core.figures import Figures, Labelled, compute_figures
from edge.core.files import write_whole
from edge.core.frame import Frame
from edge.core.images import is_image_file, list_images, read_image
from edge.core.labels import label_images
from edge.inspection.inspector import Inspection, Inspector
from edge.inspection.statistics import latency_summary
from edge.settings.settings import CameraSettings

VIDEO_SUFFIXES = frozenset({".avi", ".mkv", ".mov", ".mp4", ".webm"})


@dataclass(frozen=True)
class Replay:
    """What a replay found. ``left_out`` names images that could not be read, and why."""

    inspections: list[Inspection]
    left_out: list[str]
    seconds: float
    model_id: str
    figures: Figures | None

    def document(self) -> dict[str, Any]:
        """The JSON document of `edge --replay --json`."""
        latencies = [i.latency_ms for i in self.inspections if i.latency_ms is not None]
        return {
            "model": self.model_id,
            "inspected": len(self.inspections),
            "seconds": round(self.seconds, 3),
            "verdicts": {v.value: sum(i.verdict == v for i in self.inspections) for v in Verdict},
            "latency_ms": latency_summary(latencies),
            "labelled": self.figures.model_dump() if self.figures else None,
            "left_out": self.left_out,
            "inspections": [_record(inspection) for inspection in self.inspections],
        }


def replay(source: Path, inspector: Inspector, handle: Callable[[Frame], Inspection] | None = None) -> Replay:
    """Inspect the images of a folder, one image or a video.

    ``handle`` replaces the inspector's own ``inspect``, to publish as well. An image that cannot
    be read is named and left out. Raises InputError when there is nothing to inspect.
    """
    handle = handle or inspector.inspect
    inspections: list[Inspection] = []
    left_out: list[str] = []
    frames, total = _frames(source, inspector)
    started = time.perf_counter()
    for frame in tqdm(frames, total=total, unit="image", disable=not sys.stderr.isatty(), file=sys.stderr):
        if isinstance(frame, str):
            left_out.append(frame)
            continue
        begun = time.perf_counter()
        inspection = handle(replace(frame, captured=time.monotonic()))
        latency = round((time.perf_counter() - begun) * 1000, 3)
        inspections.append(replace(inspection, latency_ms=latency))
    seconds = time.perf_counter() - started
    if not inspections:
        raise InputError(f"{source}: no image that can be inspected")
    return Replay(
        inspections, left_out, seconds, inspector.model.bundle.model_id, _figures(inspections, inspector)
    )


def write_report(result: Replay, folder: Path) -> None:
    """Write inspections.csv, for spreadsheets, into ``folder``; raises InputError if it can't be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, ["file", "label", "verdict", "class", "score"])
        writer.writeheader()
        for inspection in result.inspections:
            writer.writerow({name: to_cell(value) for name, value in _record(inspection).items()})
        write_whole(folder / "inspections.csv", text.getvalue().encode(CSV_ENCODING))
    except OSError as error:
        raise InputError(f"--report {folder}: cannot be written ({error.strerror})") from error


def _frames(source: Path, inspector: Inspector) -> tuple[Iterator[Frame | str], int | None]:
    if source.is_dir():
        paths = list_images(source)
        if not paths:
            raise InputError(f"{source}: no images in this folder")
        return _stored(paths, source, inspector), len(paths)
    if not source.exists():
        raise InputError(f"{source}: no such folder, image or video")
    if is_image_file(source):
        return _stored([source], source.parent, inspector), 1
    if source.suffix.lower() in VIDEO_SUFFIXES:
        return _video(source), None
    raise InputError(
        f"{source}: neither a folder, nor an image, nor a video ({', '.join(sorted(VIDEO_SUFFIXES))})"
    )


def _stored(paths: list[Path], root: Path, inspector: Inspector) -> Iterator[Frame | str]:
    labels = label_images(paths, root, inspector.manifest)
    for sequence, (path, label) in enumerate(zip(paths, labels, strict=True)):
        try:
            image = read_image(path)
        except ImageError as error:
            yield str(error)
            continue
        yield Frame(
            image,
            sequence,
            captured=time.monotonic(),
            captured_at=datetime.now(UTC),
            source=str(path.relative_to(root)),
            truth=label,
        )


def _video(source: Path) -> Iterator[Frame | str]:
    camera = OpenCvCamera(CameraSettings(source=str(source), rate=1000))
    try:
        while (frame := camera.read()) is not None:
            yield replace(frame, source=f"{source.name}#{frame.sequence}")
    finally:
        camera.close()


def _figures(inspections: list[Inspection], inspector: Inspector) -> Figures | None:
    labelled = [
        Labelled(i.frame.truth, i.verdict, i.predicted, i.score)
        for i in inspections
        if i.frame.truth is not None
    ]
    if not labelled:
        return None
    manifest = inspector.manifest
    return compute_figures(labelled, task=manifest.task, classes=manifest.classes, ok_class=manifest.ok_class)


def _record(inspection: Inspection) -> dict[str, Any]:
    return {
        "file": inspection.frame.source,
        "label": inspection.frame.truth,
        "verdict": inspection.verdict.value,
        "class": inspection.predicted,
        "score": inspection.score,
    }
