"""The guard before every page: who may ask, how often and how much, and what browsers may do with it."""

import time
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY = 16 * 1024
LONGEST_PATH = 2048
BODY_S = 10.0
_CHANGING = frozenset({"POST"})
_READING = frozenset({"GET", "HEAD"})

HEADERS = {
    "content-security-policy": "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class Bucket:
    """So many requests a second, and twice as many at once."""

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._left = 2.0 * per_s
        self._at = time.monotonic()

    def take(self) -> bool:
        """True if one more may come now."""
        now = time.monotonic()
        self._left = min(2.0 * self._per_s, self._left + (now - self._at) * self._per_s)
        self._at = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


class Guard:
    """Refuses, in one line, what no browser of ours asks; the rest goes to the app.

    ``hosts``: names, in small letters, by which browsers may ask, without a port. Another name in Host is a
    page of strangers that has its name point here.
    """

    def __init__(self, app: ASGIApp, *, hosts: Collection[str], per_s: float) -> None:
        self._app = app
        self._hosts = frozenset(hosts)
        self._bucket = Bucket(per_s)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await _refuse(send, *refusal)
            return
        await self._app(scope, _limited(receive), _with_headers(send))

    def _refusal(self, scope: Scope, headers: Mapping[str, str]) -> tuple[int, str] | None:
        if not self._bucket.take():
            return 429, "too many requests; page.requests_s is the limit"
        if _host_name(headers.get("host", "")) not in self._hosts:
            return 421, "not a name of this page; page.hosts names further ones"
        if scope["method"] not in _READING | _CHANGING:
            return 405, "expected GET, HEAD or POST"
        if len(scope["raw_path"]) + len(scope["query_string"]) > LONGEST_PATH:
            return 414, "the address is too long"
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > LARGEST_BODY:
            return 413, f"expected at most {LARGEST_BODY} bytes"
        if scope["method"] in _CHANGING and not _is_same_origin(headers):
            return 403, "this form is not of this page"
        return None


def _host_name(host: str) -> str:
    """The name in a Host header without its port; "" for what is none."""
    try:
        return urlsplit(f"//{host.strip()}").hostname or ""
    except ValueError:
        return ""


def _is_same_origin(headers: Mapping[str, str]) -> bool:
    """True if a form was sent from a page of this address: a browser says where it was."""
    if headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return False
    origin = headers.get("origin", "")
    return urlsplit(origin).netloc == headers.get("host") and origin.startswith(("http://", "https://"))


def _limited(receive: Receive) -> Receive:
    """As much of a body as may come, also where no length was said."""
    read = 0

    async def limited() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > LARGEST_BODY:
            return {"type": "http.disconnect"}
        return message

    return limited


def _with_headers(send: Send) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            said = {name.lower() for name, _ in message["headers"]}
            more = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
            if b"cache-control" not in said:
                more.append((b"cache-control", b"no-store"))
            message = {**message, "headers": [*message["headers"], *more]}
        await send(message)

    return with_headers


async def _refuse(send: Send, status: int, text: str) -> None:
    body = f"{text}\n".encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await _with_headers(send)({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
