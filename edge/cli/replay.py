"""The offline loop: stored frames through the same inspector as live ones."""

import csv
import io
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from edge.cli.video import VIDEO_SUFFIXES, StoredVideo
from edge.core.bundle.bundle import Manifest
from edge.core.complaints import listening
from edge.core.csv_cells import CSV_ENCODING, to_cell
from edge.core.decision import Verdict
from edge.core.errors import ImageError, InputError
from edge.core.files import write_whole
from edge.core.frame import Frame
from edge.core.images import Image, decode_image, read_bytes
from edge.core.memory import memory_for
from edge.core.metrics import Labelled, Metrics, compute_metrics, is_right
from edge.core.pages import further_pages
from edge.core.photographs.census import Census
from edge.core.photographs.layouts import Layout, read_photographs
from edge.core.photographs.listing import FURTHER_PAGES, LeftOut, has_image_ending, name_below, unreadable
from edge.core.photographs.truths import Known, tell_truths
from edge.core.set_depth import find_set_depth
from edge.inspection.inspector import Inspection, Inspector
from edge.inspection.statistics import latency_summary

LISTS = frozenset({".csv"})
_COLUMNS = ("file", "label", "verdict", "class", "score", "reason")


@dataclass(frozen=True, slots=True)
class Record:
    """An inspection without its picture. ``label``: the truth, where it is known."""

    file: str
    label: str | None
    verdict: Verdict
    predicted: str | None
    score: float | None
    reason: str | None
    latency_ms: float

    def document(self) -> dict[str, Any]:
        """One of the ``inspections`` of `edge --replay --json`."""
        return {
            "file": self.file,
            "label": self.label,
            "verdict": self.verdict.value,
            "class": self.predicted,
            "score": self.score,
        }


@dataclass(frozen=True)
class Replay:
    """The findings of a replay.

    ``errors`` name the images that could not be read, and why; ``notes`` say how others were. ``layout``: in
    words, how they lie in their folder. ``unknown_kinds``: defects that the bundle has no class for.
    """

    inspections: list[Record]
    left_out: list[LeftOut]
    errors: list[str]
    notes: list[str]
    seconds: float
    bundle_sha256: str
    metrics: Metrics | None
    wrong: list[Record]
    unknown_kinds: dict[str, int]
    layout: str | None = None

    @property
    def census(self) -> Census:
        """Counts of the files, and what became of them."""
        unlabelled = sum(record.label is None for record in self.inspections)
        return Census.of(len(self.inspections), self.left_out, without_truth=unlabelled)

    def document(self) -> dict[str, Any]:
        """The JSON document of `edge --replay --json`."""
        return {
            "model": self.bundle_sha256,
            "inspected": len(self.inspections),
            "seconds": round(self.seconds, 3),
            "verdicts": {v.value: sum(i.verdict == v for i in self.inspections) for v in Verdict},
            "latency_ms": latency_summary([record.latency_ms for record in self.inspections]),
            "layout": self.layout,
            "labelled": self.metrics.model_dump() if self.metrics else None,
            "unknown_kinds": self.unknown_kinds,
            "files": self.census.model_dump(),
            "left_out": [str(one) for one in self.left_out],
            "notes": self.notes,
            "inspections": [record.document() for record in self.inspections],
        }


def replay(
    source: Path,
    inspector: Inspector,
    handle: Callable[[Frame], Inspection] | None = None,
    look: Callable[[Inspection, Record], None] = lambda _inspection, _record: None,
) -> Replay:
    """Inspect the images of a folder, or of a CSV file that names them, one image or a video.

    ``handle`` replaces the inspector's own ``inspect``, to publish as well; ``look`` gets each inspection
    while its picture is there: none is held longer. An image that cannot be read is named and left out.
    Raises InputError when there is nothing to inspect, and OutOfMemoryError where memory doesn't suffice
    for a picture.
    """
    handle = handle or inspector.inspect
    stored = _open(source, inspector)
    started = time.perf_counter()
    # Nobody holds a frame here: the next one is read when the picture before it is gone.
    records = map(partial(_inspect, handle, look), stored.frames())
    with listening():
        bar = tqdm(
            records, total=stored.count, unit="image", disable=not sys.stderr.isatty(), file=sys.stderr
        )
        inspections = list(bar)
    seconds = time.perf_counter() - started
    if not inspections:
        census = Census.of(0, stored.left_out)
        raise InputError(f"{source}: no image that can be inspected; {census}")
    manifest = inspector.manifest
    labelled = [record for record in inspections if record.label is not None]
    kinds = Counter(record.label for record in labelled if record.label not in manifest.classes)
    return Replay(
        inspections,
        stored.left_out,
        stored.errors,
        stored.notes,
        seconds,
        inspector.model.bundle.sha256,
        _metrics(labelled, manifest),
        [record for record in labelled if is_wrong(record, manifest)],
        {str(label): count for label, count in kinds.items()},
        stored.layout.recognised if isinstance(stored, _Photographs) else None,
    )


def write_table(result: Replay, path: Path) -> None:
    """Write a CSV file for spreadsheets. Raises OSError.

    A line for each file that was seen: one that was left out has a reason in place of a verdict.
    """
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, _COLUMNS)
    writer.writeheader()
    rows = [{**one.document(), "reason": one.reason} for one in result.inspections]
    rows += [{"file": one.file, "reason": one.reason} for one in result.left_out]
    writer.writerows({name: to_cell(value) for name, value in row.items()} for row in rows)
    write_whole(path, text.getvalue().encode(CSV_ENCODING))


def _inspect(
    handle: Callable[[Frame], Inspection], look: Callable[[Inspection, Record], None], frame: Frame
) -> Record:
    begun = time.perf_counter()
    with memory_for(str(frame.source)):
        inspection = handle(replace(frame, captured=time.monotonic()))
        record = Record(
            str(frame.source),
            frame.truth,
            inspection.verdict,
            inspection.predicted,
            inspection.score,
            inspection.reason,
            round((time.perf_counter() - begun) * 1000, 3),
        )
        look(inspection, record)
    return record


def _open(source: Path, inspector: Inspector) -> "_Photographs | StoredVideo":
    if not source.exists():
        raise InputError(f"{source}: no such folder, image or video")
    if source.is_dir() or source.suffix.lower() in LISTS:
        layout = read_photographs(source)
        known = tell_truths(layout, inspector.manifest)
        if not known:
            census = Census.of(0, layout.left_out)
            raise InputError(f"{source}: no images in this folder" + (f"; {census}" if census.seen else ""))
        return _Photographs(known, layout, inspector.bits)
    if has_image_ending(source):
        return _Photographs([Known(source, None)], Layout(source.parent, "one image", []), inspector.bits)
    if source.suffix.lower() in VIDEO_SUFFIXES:
        return StoredVideo(source)
    raise InputError(
        f"{source}: neither a folder, nor an image, nor a video ({', '.join(sorted(VIDEO_SUFFIXES))})"
    )


@dataclass
class _Photographs:
    """Stored images, read one after the other; ``left_out`` grows as they are."""

    known: list[Known]
    layout: Layout
    bits: int | None
    left_out: list[LeftOut] = field(init=False)
    errors: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.left_out = [*self.layout.left_out]
        if self.bits is None:  # as the photographs of the bundle were; else as these are
            depth = find_set_depth(one.path for one in self.known)
            self.bits = depth.bits
            self.notes += [depth.note] if depth.note is not None else []

    @property
    def count(self) -> int | None:
        return len(self.known)

    def frames(self) -> Iterator[Frame]:
        for sequence, (path, label) in enumerate((one.path, one.label) for one in self.known):
            name = name_below(self.layout.root, path)
            try:
                yield Frame(
                    self._read(path, name),
                    sequence,
                    time.monotonic(),
                    datetime.now(UTC),
                    source=name,
                    truth=label,
                )
            except ImageError as error:
                self.left_out.append(unreadable(name, error, path))
                self.errors.append(str(error))

    def _read(self, path: Path, name: str) -> Image:
        data = read_bytes(path)
        image = decode_image(data, str(path), bits=self.bits)
        if pages := further_pages(data):
            self.left_out.append(LeftOut(name, FURTHER_PAGES, pages))
        return image


def is_wrong(record: Record, manifest: Manifest) -> bool:
    """True if the truth is known, and the verdict, or for several classes the class, is another."""
    if record.label is None:
        return False
    classes, ok_class = manifest.classes, manifest.ok_class
    return not is_right(_labelled(record), task=manifest.task, classes=classes, ok_class=ok_class)


def _labelled(record: Record) -> Labelled:
    return Labelled(str(record.label), record.verdict, record.predicted, record.score)


def _metrics(labelled: list[Record], manifest: Manifest) -> Metrics | None:
    if not labelled:
        return None
    judged = [_labelled(record) for record in labelled]
    return compute_metrics(judged, task=manifest.task, classes=manifest.classes, ok_class=manifest.ok_class)
