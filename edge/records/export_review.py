"""Reviewed parts as a data set: `edge --export-review DIR`.

A hash of the part puts three in ten parts into DIR/test, the same ones in every export: they are the line's
own test, which is never learned from and grows as people review. The others go into DIR/train.
"""

import csv
import hashlib
import io
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edge.core.csv_cells import CSV_ENCODING, to_cell
from edge.core.decision import Verdict
from edge.core.errors import InputError
from edge.core.files import write_whole
from edge.records.archive import ArchivedImage, find_archived
from edge.records.history import Inspected, of_ids
from edge.records.reviews import Review, read_reviews

TRAIN, TEST = "train", "test"
TEST_SHARE = 0.3
TABLE = "reviews.csv"
NO_RECORD, NO_PICTURE, NO_TRUTH = "not in the journal any more", "picture not kept", "can't tell, or skipped"
NO_FOLDER = "of a label that can name no folder"
_COLUMNS = (
    "file",
    "label",
    "part",
    "inspection",
    "verdict",
    "score",
    "who",
    "at",
    "probability",
    "shown_because",
)
_GROUPS = ("file", "group")


@dataclass(frozen=True)
class Exported:
    """Counts of pictures by split and label, and of reviews that were left out, by reason."""

    written: Counter[tuple[str, str]] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        parts = [f"{split}: {self._of(split)}" for split in (TRAIN, TEST)]
        left = ", ".join(f"{count} {reason}" for reason, count in sorted(self.left_out.items()))
        return "; ".join(parts) + (f"; left out: {left}" if left else "")

    def _of(self, split: str) -> str:
        counts = sorted((label, count) for (of, label), count in self.written.items() if of == split)
        return ", ".join(f"{count} {label}" for label, count in counts) or "none"


@dataclass(frozen=True)
class _Kept:
    """A reviewed part with its record and its picture; ``name`` is its file in the data set."""

    review: Review
    found: Inspected
    image: ArchivedImage

    @property
    def part(self) -> str:
        return str(self.found.row.get("part") or self.found.id)

    @property
    def split(self) -> str:
        return TEST if is_for_test(self.part) else TRAIN

    @property
    def name(self) -> str:
        return f"{self.review.label}/{self.found.id}{self.image.picture.suffix}"


def is_for_test(part: str) -> bool:
    """True if this part belongs to the line's own test: the same answer whenever it is asked."""
    digest = hashlib.sha256(b"test part " + part.encode()).digest()
    return int.from_bytes(digest[:8], "big") < TEST_SHARE * 2**64


def export_reviews(journal: Path, archive: Path | None, reviews: Path, out: Path) -> Exported:
    """Copy the pictures of all reviewed parts into ``out``, which must be empty or not there yet.

    Beside them lie ``reviews.csv``, what was said of each, and ``train.csv`` and ``test.csv``, the part of
    each file, as `trainer --groups` takes them. It is whole or not there. Raises InputError, JournalError
    or ReviewError.
    """
    if archive is None:
        raise InputError("--export-review: archive.path: no pictures are kept; expected a folder")
    if out.is_symlink() or (out.exists() and (not out.is_dir() or any(out.iterdir()))):
        raise InputError(f"--export-review {out}: expected an empty folder, or none yet")
    told = Exported()
    kept = list(_kept(journal, archive, read_reviews(reviews), told.left_out))
    if not kept:
        raise InputError(f"--export-review: {reviews}: no reviewed part with a picture; {told}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
            made = Path(folder) / "made"
            _write(made, kept, told.written)
            if out.exists():
                out.rmdir()
            made.rename(out)
    except OSError as error:
        raise InputError(f"--export-review {out}: cannot be written ({error.strerror})") from error
    return told


def _kept(
    journal: Path, archive: Path, reviews: dict[str, Review], left_out: Counter[str]
) -> Iterator[_Kept]:
    records = of_ids(journal, [name for name, review in reviews.items() if review.tells_truth])
    for name, review in sorted(reviews.items()):
        found = records.get(name)
        if not review.tells_truth:
            left_out[NO_TRUTH] += 1
        elif found is None:
            left_out[NO_RECORD] += 1
        elif Path(review.label).name != review.label or review.label.startswith("."):
            left_out[NO_FOLDER] += 1
        else:
            image = find_archived(archive, name, Verdict(found.row["verdict"]), found.recorded)
            if image is None:
                left_out[NO_PICTURE] += 1
            else:
                yield _Kept(review, found, image)


def _write(folder: Path, kept: list[_Kept], written: Counter[tuple[str, str]]) -> None:
    for one in kept:
        target = folder / one.split / one.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(one.image.picture, target)
        written[one.split, one.review.label] += 1
    rows = [
        (
            f"{one.split}/{one.name}", one.review.label, one.part, one.found.id, one.found.row["verdict"],
            one.found.row.get("score"), one.review.who, one.review.at, one.review.probability,
            one.review.shown_because,
        )
        for one in kept
    ]  # fmt: skip
    write_whole(folder / TABLE, _table(_COLUMNS, rows))
    for split in (TRAIN, TEST):
        groups = [(one.name, one.part) for one in kept if one.split == split]
        write_whole(folder / f"{split}.csv", _table(_GROUPS, groups))


def _table(columns: tuple[str, ...], rows: Sequence[Sequence[object]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([to_cell(value) for value in row] for row in rows)
    return text.getvalue().encode(CSV_ENCODING)
