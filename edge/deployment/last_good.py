"""The bundle of each recipe that last did its work, kept whole, and which one is on trial or has failed.

It lies in a folder beside the journal, which only the station writes, by the SHA-256 of what decided here:
nothing from the network gets there. A start falls back on it where the bundle's own file is spoiled or ended
the process, and need not run a bundle in another process first that did its work on this device. Were the
record wrong, that one file would be run untried, and refused as ever where its hash or signature is wrong.
"""

import hashlib
import logging
import platform
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.core.bundle.bundle import read_bytes
from edge.core.errors import BundleError
from edge.core.files import sync_folder, write_whole
from edge.core.interpreter import runtime_version

logger = logging.getLogger(__name__)

LARGEST_BYTES = 100_000
MOST_REFUSED = 16
MOST_ENDS = 2  # one may be a power cut
_HASH = r"^[0-9a-f]{64}$"
_RECORD = "record.json"
_VARYING = ("cpu MHz", "bogomips", "BogoMIPS")


class Good(BaseModel):
    """A bundle that did its work: the file it came from, its SHA-256, and on what it ran."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    sha256: str = Field(pattern=_HASH)
    device: str


class Record(BaseModel):
    """Knowledge about bundles, as it is kept.

    ``refused`` are the SHA-256 of those that failed, the newest last. ``ends`` is how often the process ended
    before, while that on trial was so.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    good: dict[str, Good] = {}
    on_trial: str | None = None
    ends: int = 0
    refused: list[str] = []


class LastGood:
    """Reads what is in the folder, and writes it; trouble with the disk costs the way back alone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._record = _read(folder / _RECORD)

    @classmethod
    def beside(cls, selection: Path) -> "LastGood":
        """Beside the file of the selection."""
        return cls(selection.with_name(f"{selection.name.removesuffix('.choice.json')}.good"))

    @property
    def proven(self) -> frozenset[str]:
        """The bundles that did their work on this very device."""
        device = this_device()
        return frozenset(good.sha256 for good in self._record.good.values() if good.device == device)

    def has_failed(self, sha256: str) -> bool:
        """True if the process ended twice while it was on trial, or it gave faults then."""
        record = self._record
        return sha256 in record.refused or (sha256 == record.on_trial and record.ends + 1 >= MOST_ENDS)

    def copy_of(self, recipe: str, path: Path) -> tuple[Path, str] | None:
        """The bundle that last did its work in place of this file, and its SHA-256."""
        good = self._record.good.get(recipe)
        if good is None or good.path != str(path):
            return None
        return self._copy(good.sha256), good.sha256

    def knows(self, recipe: str, sha256: str) -> bool:
        """True if this is what last did its work for a recipe, on this very device."""
        good = self._record.good.get(recipe)
        return good is not None and good.sha256 == sha256 and good.device == this_device()

    def start(self, recipe: str, sha256: str) -> bool:
        """It decides at a start; whether it is on trial, as what did its work is not."""
        left = self._record.on_trial
        if left is not None and left != sha256 and self.has_failed(left):
            self.refuse()
        if self.knows(recipe, sha256):
            self.end()
            return False
        self.begin(sha256)
        return True

    def begin(self, sha256: str) -> None:
        """It is to decide, and is on trial from now on."""
        ends = self._record.ends + 1 if sha256 == self._record.on_trial else 0
        self._write(Record(good=self._record.good, on_trial=sha256, ends=ends, refused=self._without(sha256)))

    def refuse(self) -> None:
        """End the trial as failed."""
        sha256 = self._record.on_trial
        if sha256 is not None:
            refused = [*self._without(sha256), sha256][-MOST_REFUSED:]
            self._write(Record(good=self._record.good, refused=refused))

    def end(self) -> None:
        """End the trial without a result."""
        if self._record.on_trial is not None:
            self._write(Record(good=self._record.good, refused=self._record.refused))

    def prove(self, recipe: str, path: Path, sha256: str) -> None:
        """End the trial as passed."""
        good = {**self._record.good, recipe: Good(path=str(path), sha256=sha256, device=this_device())}
        try:
            data = read_bytes(path)
            if hashlib.sha256(data).hexdigest() != sha256:  # replaced meanwhile: the next trial will tell
                self.end()
                return
            self._folder.mkdir(parents=True, exist_ok=True)
            write_whole(self._copy(sha256), data)
        except (BundleError, OSError) as error:
            logger.error("bundle: the last good one can't be kept (%s)", error)
            self.end()
            return
        self._write(Record(good=good, refused=self._without(sha256)))
        self._forget_others()

    def _without(self, sha256: str) -> list[str]:
        return [one for one in self._record.refused if one != sha256]

    def _copy(self, sha256: str) -> Path:
        return self._folder / f"{sha256}.tflite"

    def _forget_others(self) -> None:
        kept = {self._copy(good.sha256) for good in self._record.good.values()}
        with suppress(OSError):
            for path in self._folder.glob("*.tflite"):
                if path not in kept:
                    path.unlink()

    def _write(self, record: Record) -> None:
        self._record = record
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_whole(self._folder / _RECORD, record.model_dump_json(indent=1).encode())
            sync_folder(self._folder)
        except OSError as error:
            logger.error(
                "%s: cannot be written (%s); a crash would not be known", self._folder, error.strerror
            )


def this_device() -> str:
    """The device that a graph runs on: the runtime, Python, and the processor with what it can do."""
    try:
        processor = Path("/proc/cpuinfo").read_text("utf-8", "replace").split("\n\n")[0]
    except OSError:
        processor = platform.processor()
    told = [line for line in processor.splitlines() if not line.startswith(_VARYING)]
    digest = hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]
    return f"{runtime_version()}, Python {platform.python_version()}, {platform.machine()} {digest}"


def _read(file: Path) -> Record:
    """The record in the file; an empty one where there is none, or it is damaged."""
    try:
        with file.open("rb") as opened:
            return Record.model_validate_json(opened.read(LARGEST_BYTES))
    except FileNotFoundError:
        return Record()
    except (OSError, ValidationError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not what this Linegate writes"
        logger.warning("%s: cannot be read (%s); no bundle is known to be good", file, reason)
        return Record()
