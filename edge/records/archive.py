"""Images of what was decided, with their heatmaps, within a quota: all but what was ok, and a share of that.

Off the line: it hands an image over and goes on; a thread encodes and writes. Trouble with the disk
stops the archive and nothing else. Names are made of times and of ids of our own, never of a part's.
"""

import hashlib
import re
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import cv2

from edge.alarms.latch import AlarmLatch, TellAlarm
from edge.core.clock import clock_is_synchronised
from edge.core.decision import Verdict
from edge.core.errors import ImageError
from edge.core.files import free_bytes, write_whole
from edge.core.images import MIN_SIDE, Image, encode_png
from edge.core.measure import counter, gauge
from edge.core.photographs.archived import HEAT_ENDING
from edge.inspection.heat import Heatmap
from edge.records.quota import Entry, Quota
from edge.records.result import PartResult
from edge.settings.alarms import Alarm
from edge.settings.archive import ArchiveSettings

RETRY_S = 10.0
_JPEG_QUALITY = 95
_STOP_S = 2.0
_STAMP = "%Y%m%dT%H%M%S"
_SUFFIXES = {"png": ".png", "jpeg": ".jpg"}
_ABOUT = ".json"
_ALL = (*_SUFFIXES.values(), _ABOUT, HEAT_ENDING)
_ID = re.compile(r"[a-z0-9]{1,32}-[0-9]{1,18}")
_NAME = re.compile(r"(?P<stamp>\d{8}T\d{6})(?P<ms>\d{3})Z-[a-z0-9]{1,32}-[0-9]{1,18}")


@dataclass(frozen=True)
class _Job:
    message: PartResult
    image: Image
    heatmap: Heatmap | None


def is_chosen(identity: str, share: float) -> bool:
    """True if an ok part of this id is among the share: the same answer whenever it is asked."""
    digest = hashlib.sha256(identity.encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


@dataclass(frozen=True)
class ArchiveStatistics:
    """Counts of images to archive, since the start."""

    written: Annotated[int, counter("images", "images that were written")]
    dropped: Annotated[int, counter("images", "images left out: the disk failed, or was too slow")]
    bytes: Annotated[int, gauge("bytes", "bytes that the archive holds now")]


@dataclass(frozen=True)
class ArchivedImage:
    """The files of an inspection that is in the archive; ``heat`` is grey, in the frame's proportions."""

    picture: Path
    heat: Path | None


def find_archived(root: Path, identity: str, verdict: Verdict, recorded: float) -> ArchivedImage | None:
    """The files that an archive holds of an inspection; None where it never had a picture, or deleted it.

    ``recorded`` is wall-clock seconds: the picture was archived then, or a little later.
    """
    if not _ID.fullmatch(identity):
        return None
    moment = datetime.fromtimestamp(recorded, UTC)
    for day in (moment, moment + timedelta(days=1)):
        folder = root / day.strftime("%Y%m%d") / verdict.value
        for suffix in _SUFFIXES.values():
            for picture in folder.glob(f"*-{identity}{suffix}"):
                if _NAME.fullmatch(picture.stem) and not folder.is_symlink():
                    heat = picture.with_name(picture.stem + HEAT_ENDING)
                    return ArchivedImage(picture, heat if heat.is_file() else None)
    return None


class Archive:
    """A folder of days, of verdicts, of images, each with its message as JSON beside it."""

    def __init__(self, settings: ArchiveSettings, *, alarm: TellAlarm) -> None:
        self._settings = settings
        self._root = Path(settings.path)
        self._quota = Quota(max_bytes=settings.max_mb * 10**6, max_age_s=settings.max_days * 86400.0)
        self._jobs: deque[_Job] = deque()
        self._queued_bytes = 0
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._is_scanned = False
        self._retry_at = 0.0
        self._broken = AlarmLatch(Alarm.ARCHIVE, alarm)
        self._slow = AlarmLatch(Alarm.ARCHIVE_SLOW, alarm)
        self._thread = threading.Thread(target=self._run, name="archive", daemon=True)
        self.written = 0
        self.dropped = 0
        """Images that should be in it and are not: the disk failed, or was too slow."""

    def use(self, settings: ArchiveSettings) -> None:
        """Share and room are these from now on; the rest stays as it was."""
        self._settings = settings

    @property
    def statistics(self) -> ArchiveStatistics:
        """Counts since the start, and what it holds."""
        return ArchiveStatistics(self.written, self.dropped, self._quota.bytes)

    def start(self) -> None:
        """Start writing."""
        self._thread.start()

    def offer(self, message: PartResult, image: Image, heatmap: Heatmap | None = None) -> None:
        """Archive this part if it is one to archive; returns at once. ``image`` must not be changed later.

        Where it is hot is kept as a small grey picture in the proportions of the frame.
        """
        if message.verdict == Verdict.OK and not is_chosen(message.id, self._settings.ok_share):
            return
        if min(image.shape[:2]) < MIN_SIDE:
            return  # a part without a picture
        with self._changed:
            if self._jobs and self._queued_bytes + image.nbytes > self._settings.queue_mb * 10**6:
                self.dropped += 1
                is_slow = True
            else:
                self._jobs.append(_Job(message, image, heatmap))
                self._queued_bytes += image.nbytes
                is_slow = False
                self._changed.notify_all()
        if is_slow and not self._broken.is_there:
            self._slow.begins("archive: images come faster than they can be written; some are left out")

    @property
    def queued(self) -> int:
        """Count of images that wait to be written."""
        return len(self._jobs)

    def stop(self, *, wait_s: float = _STOP_S) -> None:
        """Write what waits, for ``wait_s`` at most, and end."""
        with self._changed:
            self._stop.set()
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(wait_s)

    def _run(self) -> None:
        while self.write_next():
            pass

    def write_next(self) -> bool:
        """Write the oldest image that waits, or wait for one; False at the end. For one thread."""
        job = self._next()
        if job is None:
            return False
        if time.monotonic() < self._retry_at:
            self.dropped += 1
            return True
        try:
            if not self._is_scanned:
                self.scan()
            self._write(job)
            self._broken.ends("archive: can be written again")
        except Exception as error:  # whatever it is, the thread must not end
            self.dropped += 1
            self._retry_at = time.monotonic() + RETRY_S
            self._broken.begins(f"archive: {self._root}: cannot be written ({error}); images are left out")
        return True

    def _next(self) -> _Job | None:
        """The oldest that waits; None at the end."""
        with self._changed:
            while not self._jobs:
                if self._stop.is_set():
                    return None
                self._slow.ends("archive: keeps up again")
                self._changed.wait()
            job = self._jobs.popleft()
            self._queued_bytes -= job.image.nbytes
            return job

    def _write(self, job: _Job) -> None:
        files = {_ABOUT: job.message.payload(), _SUFFIXES[self._settings.format]: self._encode(job.image)}
        if job.heatmap is not None:
            with suppress(ImageError):  # the part is not found again
                files[HEAT_ENDING] = encode_png(job.heatmap.on_frame(job.image))
        entry = _entry(job.message, time.time(), sum(map(len, files.values())))
        self._make_room(entry)
        if not self._quota.has_room_for(entry):
            return  # what is there matters more, or it is larger than all there may be
        stem = self._root / entry.name
        if link := next((place for place in (stem.parent.parent, stem.parent) if place.is_symlink()), None):
            raise OSError(f"{link.name} is a link, which is not followed")
        stem.parent.mkdir(parents=True, exist_ok=True)
        try:
            for suffix, content in files.items():
                write_whole(stem.with_name(stem.name + suffix), content)
        except BaseException:
            for suffix in files:
                stem.with_name(stem.name + suffix).unlink(missing_ok=True)
            raise
        self._quota.add(entry)
        self.written += 1

    def _encode(self, image: Image) -> bytes:
        if self._settings.format == "png":
            return encode_png(image)
        ordered = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        ok, data = cv2.imencode(".jpg", ordered, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
        if not ok:
            raise ImageError("the image cannot be encoded as JPEG")
        return data.tobytes()

    def _make_room(self, coming: Entry) -> None:
        # A clock that is known to be wrong says nothing about age.
        now = time.time() if clock_is_synchronised() is not False else None
        while (entry := self._quota.next_to_go(now, coming)) is not None:
            self._delete(entry)
        self._root.mkdir(parents=True, exist_ok=True)
        free = free_bytes(self._root)
        if free - coming.size < self._settings.min_free_mb * 10**6:
            raise OSError(f"{free / 1e6:.0f} MB free, archive.min_free_mb is {self._settings.min_free_mb}")

    def _delete(self, entry: Entry) -> None:
        stem = self._root / entry.name
        for suffix in _ALL:
            stem.with_name(stem.name + suffix).unlink(missing_ok=True)
        with suppress(OSError):  # others lie there
            stem.parent.rmdir()
            stem.parent.parent.rmdir()

    def scan(self) -> None:
        """Learn what lies there from earlier, and clear away what was not written to its end."""
        for folder in self._folders():
            for part in folder.glob(".*.part"):
                part.unlink(missing_ok=True)
            sizes: dict[str, dict[str, int]] = {}
            for file in folder.iterdir():
                name, dot, rest = file.name.partition(".")
                if _NAME.fullmatch(name) and dot + rest in _ALL:
                    sizes.setdefault(name, {})[dot + rest] = file.lstat().st_size
            for stem, by_suffix in sizes.items():
                where = f"{folder.parent.name}/{folder.name}/{stem}"
                entry = Entry(_moment(stem), where, sum(by_suffix.values()), folder.name == Verdict.OK)
                if not {*by_suffix} & {*_SUFFIXES.values()}:
                    self._delete(entry)
                else:
                    self._quota.add(entry)
        self._is_scanned = True

    def _folders(self) -> Iterator[Path]:
        """Those that only this archive makes: a day, a verdict."""
        if not self._root.is_dir():
            return
        for day in sorted(self._root.iterdir()):
            if re.fullmatch(r"\d{8}", day.name) and day.is_dir() and not day.is_symlink():
                for verdict in Verdict:
                    folder = day / verdict.value
                    if folder.is_dir() and not folder.is_symlink():
                        yield folder


def _entry(message: PartResult, at: float, size: int) -> Entry:
    if not _ID.fullmatch(message.id):
        raise ValueError("an id that is none of ours")
    moment = datetime.fromtimestamp(at, UTC)
    stamp = f"{moment.strftime(_STAMP)}{moment.microsecond // 1000:03d}Z"
    name = f"{stamp[:8]}/{message.verdict.value}/{stamp}-{message.id}"
    return Entry(_moment(name.rpartition("/")[2]), name, size, message.verdict == Verdict.OK)


def _moment(stem: str) -> float:
    """When a file of this name was archived."""
    parts = _NAME.fullmatch(stem)
    if parts is None:
        raise ValueError(stem)
    try:
        whole = datetime.strptime(parts["stamp"], _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return 0.0  # no such day: somebody else's, and as old as can be
    return whole.timestamp() + int(parts["ms"]) / 1000
