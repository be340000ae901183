"""`edge page`: the page over HTTP. A process of its own, which ends with what it has; the station goes on."""

import asyncio
import logging
import signal
import socket
from collections.abc import Callable
from ipaddress import ip_address

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from edge.core.errors import SettingsError
from edge.page.app import build_app
from edge.settings.page import PageSettings
from edge.settings.settings import Settings

logger = logging.getLogger(__name__)

REQUEST_S = 10.0
"""For as long a browser may take to say what it wants."""
_KEEP_S = 15
_HEADERS = 16 * 1024


class ImpatientProtocol(H11Protocol):
    """Hangs up on who connects and does not ask, or too slowly: each would hold a connection for ever."""

    _limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """From now on it has to ask."""
        super().connection_made(transport)
        self._limit = self.loop.call_later(REQUEST_S, self._hang_up)

    def data_received(self, data: bytes) -> None:
        """A piece of a request."""
        super().data_received(data)
        is_asked = self.cycle is not None and not self.cycle.response_complete
        if self._limit is not None and is_asked:
            self._limit.cancel()
            self._limit = None
        elif self._limit is None and not is_asked:
            self._limit = self.loop.call_later(REQUEST_S, self._hang_up)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        if self._limit is not None:
            self._limit.cancel()
        super().connection_lost(exc)

    def _hang_up(self) -> None:
        self._limit = None
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()


def serve(settings: Settings, *, when_ready: Callable[[str], None]) -> None:
    """Serve until a signal comes; ``when_ready`` is told the address. Raises SettingsError."""
    refuse_open(settings.page)
    listener = _listen(settings.page)
    port = listener.getsockname()[1]
    address = f"http://{_as_host(settings.page.address)}:{port}"
    config = uvicorn.Config(
        build_app(settings, when_ready=lambda: when_ready(address)),
        http=ImpatientProtocol,
        ws="none",
        loop="asyncio",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=settings.page.connections,
        timeout_keep_alive=_KEEP_S,
        timeout_graceful_shutdown=2,
        h11_max_incomplete_event_size=_HEADERS,
    )
    logging.getLogger("uvicorn").setLevel(logging.ERROR)  # what strangers send must not fill the log
    # A browser that holds its connection until the end is no error.
    logging.getLogger("uvicorn.error").addFilter(
        lambda record: "graceful shutdown" not in record.getMessage()
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)  # the server raises it again when it has ended
    with listener:
        uvicorn.Server(config).run(sockets=[listener])


def refuse_open(settings: PageSettings) -> None:
    """Raises SettingsError where anybody of a network could look: the page itself knows no login."""
    if not _is_loopback(settings.address):
        raise SettingsError(
            f"page.address: {settings.address}: others could look; expected 127.0.0.1, "
            "and a proxy that asks for a login in front"
        )


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def _listen(settings: PageSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.address, settings.port))
        listener.listen(settings.connections)
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"page.port: {settings.address}:{settings.port}: cannot be used ({error.strerror}); "
            "expected a free port of this device"
        ) from error
    return listener


def _as_host(address: str) -> str:
    return f"[{address}]" if ":" in address else address
