"""The base of every page: a station's settings, its records, and templates in the reader's language."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from edge.core.decision import Verdict
from edge.core.errors import JournalError
from edge.core.foreign_text import shown
from edge.outputs.live.wire import socket_file
from edge.page.hour import HOUR_S, Hour, hour_of
from edge.page.live import LiveFeed
from edge.page.login import Login, read_users
from edge.page.pictures import Shelf
from edge.page.words import Words, choose, languages
from edge.records.archive import ArchivedImage, find_archived
from edge.records.history import Inspected, glances
from edge.records.reviews import reviews_beside
from edge.settings.settings import Settings

logger = logging.getLogger(__name__)

HERE = Path(__file__).parent
LANGUAGE_COOKIE = "language"
_HOUR_AGAIN_S = 10.0
_SHORT = 8


@dataclass
class StationView:
    """A station as the page sees it; for any thread."""

    settings: Settings
    journal: Path
    archive: Path | None
    feed: LiveFeed
    login: Login
    reviews: Path
    thumbs: Shelf = field(default_factory=Shelf)
    _hour: tuple[float, Hour] | None = None

    @classmethod
    def of(cls, settings: Settings) -> "StationView":
        """By a station's settings."""
        journal = Path(settings.journal.path)
        archive = Path(settings.archive.path) if settings.archive.path else None
        login = Login(read_users(settings.page.users.get_secret_value()))
        return cls(settings, journal, archive, LiveFeed(socket_file(journal)), login, reviews_beside(journal))

    @property
    def station(self) -> str:
        """Its name."""
        return self.settings.station.name

    def hour(self) -> Hour:
        """The last hour, counted anew every few seconds; raises JournalError."""
        counted = self._hour
        if counted is None or time.monotonic() - counted[0] > _HOUR_AGAIN_S:
            now = time.time()
            counted = self._hour = (time.monotonic(), hour_of(glances(self.journal, now - HOUR_S), now))
        return counted[1]

    def kept(self, found: Inspected) -> ArchivedImage | None:
        """The images that the archive has of an inspection."""
        if self.archive is None:
            return None
        return find_archived(self.archive, found.id, Verdict(found.row["verdict"]), found.recorded)


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(shown=lambda value: shown(str(value)), clock=clock, moment=moment, short=short)
    return made


def clock(at: float) -> str:
    """The time of day, local, of wall-clock seconds."""
    return datetime.fromtimestamp(at).astimezone().strftime("%H:%M")


def moment(at: float | datetime) -> str:
    """Date and time, local."""
    when = at if isinstance(at, datetime) else datetime.fromtimestamp(at).astimezone()
    return when.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def short(text: str) -> str:
    """The first signs of a hash."""
    return text[:_SHORT]


_TEMPLATES = _environment()


def words_of(request: Request) -> Words:
    """The reader's language."""
    return choose(request.cookies.get(LANGUAGE_COOKIE), request.headers.get("accept-language", ""))


def page(request: Request, template: str, *, status: int = 200, **values: Any) -> Response:
    """A template as a response; each gets the words, the station and what every page shows."""
    view: StationView = request.app.state.view
    words = words_of(request)
    shared = {"t": words, "station": view.station, "languages": languages(), "path": request.url.path}
    html = _TEMPLATES.get_template(template).render(**shared, **values)
    headers = {"content-language": words.language, "vary": "accept-language, cookie"}
    return HTMLResponse(html, status_code=status, headers=headers)


def no_picture() -> Response:
    """In place of a picture that is not there, or not any more: a sign that says so without words."""
    return FileResponse(HERE / "static" / "gone.svg", headers={"cache-control": "no-store"})


def failure(request: Request, status: int, key: str, **values: object) -> Response:
    """A page that says what does not work."""
    words = words_of(request)
    return page(request, "error.html", status=status, message=words(f"error.{key}", **values))


def with_journal(
    work: Callable[[Request], Response],
) -> Callable[[Request], Response]:
    """A page that says so where the journal cannot be read."""

    def guarded(request: Request) -> Response:
        try:
            return work(request)
        except JournalError as error:
            return failure(request, 503, "journal", reason=str(error))

    return guarded
