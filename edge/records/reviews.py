"""People's reviews of parts: a file beside the journal, to which rows are only ever added.

A correction, or taking a review back, is a further row; the latest row of an inspection counts, by its number
and never by a clock. Several processes may write at once. The station neither reads nor writes it.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge.core.errors import ReviewError, one_line
from edge.records.journal_file import DATABASE_ERRORS

SCHEMA_VERSION = 1
OK, DEFECT, CANT_TELL, SKIPPED, WITHDRAWN = "ok", "defect", "can't tell", "skipped", "withdrawn"
"""Labels beside the names of defects that a bundle knows; the last takes back what was said before."""
NO_TRUTH = frozenset({CANT_TELL, SKIPPED, WITHDRAWN})
BUSY_S = 5.0
_LONGEST = 100  # characters of a label or a name
_APPLICATION = 0x4C475256  # "LGRV"
_SCHEMA = f"""
CREATE TABLE reviews (
    number INTEGER PRIMARY KEY,
    inspection TEXT NOT NULL,
    label TEXT NOT NULL,
    who TEXT NOT NULL,
    at REAL NOT NULL,
    probability REAL NOT NULL CHECK (probability > 0 AND probability <= 1),
    shown_because TEXT NOT NULL
);
CREATE INDEX by_inspection ON reviews (inspection, number);
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {SCHEMA_VERSION};
"""


@dataclass(frozen=True)
class Review:
    """A person's word on one inspection.

    ``probability``: the chance, above 0 to 1, with which a part of this kind comes to be shown for review;
    ``shown_because`` says the kind. ``at`` is wall-clock seconds, and labels alone. ``number`` is the row.
    """

    inspection: str
    label: str
    who: str
    at: float
    probability: float
    shown_because: str
    number: int = 0

    @property
    def tells_truth(self) -> bool:
        """True if it says that the part was good, or a kind of defect."""
        return self.label not in NO_TRUTH


def reviews_beside(journal: Path) -> Path:
    """The file of reviews of the station with this journal."""
    return journal.with_name("reviews") / "review.sqlite"


def add_review(path: Path, review: Review) -> int:
    """Append one, and return its number once the disk keeps it; makes the file where there is none.

    Raises ReviewError for a label or a name that is empty or longer than 100 characters, and where the file
    is locked, damaged, of another program or of a later release.
    """
    for name, text in (("label", review.label), ("reviewer", review.who)):
        if not text.strip() or len(text) > _LONGEST or one_line(text) != text:
            raise ReviewError(f"{name}: expected 1 to {_LONGEST} characters in one line")
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise ReviewError(f"{path.parent}: cannot be made ({error.strerror})") from error
    with _open(path) as database:
        database.execute("BEGIN IMMEDIATE")
        row = database.execute(
            "INSERT INTO reviews (inspection, label, who, at, probability, shown_because)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (
                review.inspection,
                review.label,
                review.who,
                review.at,
                review.probability,
                review.shown_because,
            ),
        )
        database.execute("COMMIT")
        return int(row.lastrowid or 0)


def read_reviews(path: Path) -> dict[str, Review]:
    """The latest review of each inspection by its id, without those taken back; empty without a file.

    Raises ReviewError.
    """
    latest = {review.inspection: review for review in history(path)}  # later rows replace earlier ones
    return {inspection: review for inspection, review in latest.items() if review.label != WITHDRAWN}


def history(path: Path) -> list[Review]:
    """Every row in the order in which they were added; empty without a file. Raises ReviewError."""
    if not path.exists():
        return []
    with _reading(path) as database:
        rows = database.execute(
            "SELECT inspection, label, who, at, probability, shown_because, number FROM reviews"
            " ORDER BY number"
        )
        return [Review(*row) for row in rows]


@contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection]:
    with _errors_of(path), closing(_connect(path.absolute().as_uri() + "?mode=rwc", path)) as database:
        if _is_empty(database):
            database.execute("BEGIN IMMEDIATE")
            if _is_empty(database):  # nobody else was first
                for statement in filter(str.strip, _SCHEMA.split(";")):
                    database.execute(statement)
            database.execute("COMMIT")
        _refuse_unknown(database, path)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")  # a person's word is kept once it is acknowledged
        yield database


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    with _errors_of(path), closing(_connect(path.absolute().as_uri() + "?mode=ro", path)) as database:
        _refuse_unknown(database, path)
        yield database


def _connect(address: str, path: Path) -> sqlite3.Connection:
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise ReviewError(f"{path}: expected a file of reviews, or none yet")
    return sqlite3.connect(address, uri=True, timeout=BUSY_S, isolation_level=None)


@contextmanager
def _errors_of(path: Path) -> Iterator[None]:
    try:
        yield
    except DATABASE_ERRORS as error:
        raise ReviewError(f"{path}: cannot be used ({error})") from error


def _refuse_unknown(database: sqlite3.Connection, path: Path) -> None:
    version = _version(database)
    application = int(database.execute("PRAGMA application_id").fetchone()[0])
    if application != _APPLICATION:
        raise ReviewError(f"{path}: expected a file of reviews, found another program's database")
    if version != SCHEMA_VERSION:
        raise ReviewError(f"{path}: expected version {SCHEMA_VERSION}, found {version}, of a later release")


def _is_empty(database: sqlite3.Connection) -> bool:
    return int(database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]) == 0


def _version(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])
