"""Camera with a single picture at an address, such as http://10.0.0.5/image.jpg, fetched repeatedly.

Such an address may serve an old picture for ever, be it from a cache or because the camera hangs. A picture
is new if its bytes differ from the last one's, or the server dates it later, and never if it is dated before
that one. It was captured when it was requested, less the age that the server itself states.
"""

import hashlib
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import Message
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from urllib.parse import unquote, urlsplit, urlunsplit

import numpy as np

from edge.camera.depth import Depth
from edge.camera.faults import CameraFault
from edge.camera.source import without_password
from edge.core.errors import CameraError, ImageError, SettingsError
from edge.core.frame import Frame
from edge.core.images import MAX_PIXELS, decode_image
from edge.core.pacing import Pacer
from edge.core.samples import read_samples
from edge.settings.camera import SnapshotSettings

_MOST_BYTES = 64 * 2**20
_AT_ONCE = 65536
_WHOLE_SECOND = 1.0  # dates in HTTP have no finer ones
_HEADERS = {"Cache-Control": "no-cache, no-store", "Pragma": "no-cache", "Accept": "image/*"}


@dataclass(frozen=True)
class _Answer:
    """A response. ``asked``: monotonic seconds; ``dated``: when the picture was made; ``age_s``: its age."""

    data: bytes
    asked: float
    dated: datetime | None
    age_s: float

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(self.data).digest()


class SnapshotCamera:
    """Fetches the picture ``camera.fps`` times a second; the first serves only to recognise new ones."""

    live = True
    ignored: tuple[str, ...] = ()

    def __init__(self, settings: SnapshotSettings, depth: Depth | None = None) -> None:
        self.description = without_password(settings.url)[:80]
        self._stall_s = settings.stall_ms / 1000
        self._pacer = Pacer(settings.fps)
        self._address, self._opener = _without_login(settings.url)
        self._size = (settings.height or 8, settings.width or 8)
        self._most_pixels = MAX_PIXELS
        self._depth = depth or Depth(settings.bits)
        self._sequence = 0
        first = self._fetch(time.monotonic() + settings.open_timeout_ms / 1000)
        self._digest, self._dated = first.digest, first.dated

    def read(self) -> Frame | None:
        """Return the next new picture; raises CameraError if none comes within ``camera.stall_ms``."""
        deadline = time.monotonic() + self._stall_s
        while time.monotonic() < deadline:
            self._pacer.wait()
            answer = self._fetch(time.monotonic() + self._stall_s)
            if self._is_new(answer):
                return self._frame(answer)
        raise CameraError(f"{self.description}: gives the same picture again and again")

    def close(self) -> None:
        """Do nothing: each picture has a connection of its own."""

    def _is_new(self, answer: _Answer) -> bool:
        before, known = self._dated, answer.digest == self._digest
        is_later = before is not None and answer.dated is not None and answer.dated > before
        is_earlier = before is not None and answer.dated is not None and answer.dated < before
        if is_earlier or (known and not is_later):
            return False
        self._digest, self._dated = answer.digest, answer.dated or before
        return True

    def _frame(self, answer: _Answer) -> Frame:
        taken = answer.asked - answer.age_s
        fault = None
        taken_for_white = self._depth.taken if read_samples(answer.data).is_undeclared else None
        try:
            image = decode_image(answer.data, self.description, self._most_pixels, bits=self._depth.bits)
            self._size = height, width = image.shape[:2]
            self._most_pixels = min(self._most_pixels, height * width)
        except ImageError as error:
            reason = str(error).removeprefix(f"{self.description}: ")
            image, fault = np.zeros(self._size, np.uint8), str(CameraFault("half decoded", reason))
        age = timedelta(seconds=time.monotonic() - taken)
        frame = Frame(
            image, self._sequence, taken, datetime.now(UTC) - age, fault=fault, bits=taken_for_white
        )
        self._sequence += 1
        return frame

    def _fetch(self, deadline: float) -> _Answer:
        asked = time.monotonic()
        request = urllib.request.Request(self._address, headers=_HEADERS)  # noqa: S310  http or https
        try:
            with self._opener.open(request, timeout=max(0.05, deadline - asked)) as answer:
                self._refuse_other_kinds(answer.headers)
                data = bytearray()
                while part := answer.read(_AT_ONCE):
                    data += part
                    if len(data) > _MOST_BYTES or time.monotonic() > deadline:
                        raise CameraError(f"{self.description}: its picture doesn't end")
                return _Answer(bytes(data), asked, *_dates(answer.headers))
        except urllib.error.HTTPError as error:
            what = "user or password is wrong" if error.code in (401, 403) else error.reason
            raise CameraError(f"{self.description}: HTTP status {error.code}: {what}") from None
        except (OSError, HTTPException, ValueError) as error:
            reason = without_password(str(getattr(error, "reason", error) or type(error).__name__))
            raise CameraError(f"{self.description}: cannot be fetched ({reason})") from None

    def _refuse_other_kinds(self, headers: Message) -> None:
        kind = headers.get_content_type()
        if kind.startswith("multipart/"):
            raise CameraError(f'{self.description}: is a stream: camera.kind = "stream"')
        if not kind.startswith("image/") and kind not in ("application/octet-stream", "text/plain"):
            raise CameraError(f"{self.description}: gives {kind}, not a picture")


def check_address(url: str) -> None:
    """Raise SettingsError if the address can never be fetched."""
    parts = urlsplit(url)
    try:
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # of the port
        is_address = False
    if not is_address:
        shown = without_password(url)
        raise SettingsError(f"camera.url: {shown}: expected an address such as http://10.0.0.5/image.jpg")


def _dates(headers: Message) -> tuple[datetime | None, float]:
    """Return the server's date of the picture, and its age in seconds when it was sent."""
    dated, sent = _date(headers.get("Last-Modified")), _date(headers.get("Date"))
    behind = (sent - dated).total_seconds() if sent is not None and dated is not None else 0.0
    stored = headers.get("Age", "")
    cached = float(stored) if stored.isdecimal() and len(stored) < 10 else 0.0
    return dated, max(0.0, behind - _WHOLE_SECOND, cached - _WHOLE_SECOND)


def _date(text: str | None) -> datetime | None:
    try:
        found = parsedate_to_datetime(text or "")
    except (ValueError, TypeError):
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _without_login(url: str) -> tuple[str, urllib.request.OpenerDirector]:
    """Return the address without user and password, and its opener: no proxies, redirects or files."""
    parts = urlsplit(url)
    address = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    logins = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    if parts.username is not None:
        logins.add_password(None, address, unquote(parts.username), unquote(parts.password or ""))
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPBasicAuthHandler(logins),
        urllib.request.HTTPDigestAuthHandler(logins),
    ):
        opener.add_handler(handler)
    return address, opener
