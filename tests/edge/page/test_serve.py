"""The page as a process: what it refuses to start with, and browsers that hang."""

import asyncio
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from starlette.responses import PlainTextResponse

from edge.__main__ import main
from edge.core.errors import SettingsError
from edge.page.serve import ImpatientProtocol, refuse_open
from edge.settings.page import PageSettings
from edge.settings.settings import Settings
from tests.edge.page.serving import serving


def ask(address: str, request: bytes) -> bytes:
    place = urlsplit(address)
    with socket.create_connection((place.hostname, place.port), timeout=20) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_it_serves_until_a_signal_and_garbage_is_answered_in_a_line(left: Settings) -> None:
    with serving(left) as address:
        host = urlsplit(address).netloc.encode()
        assert b"200 OK" in ask(
            address, b"GET / HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n"
        )
        assert b"421" in ask(address, b"GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
        assert b"400" in ask(address, b"GET / HTTP/1.1\r\n\r\n")
        for garbage in (b"\x16\x03\x01" + b"\x00" * 100, b"GET " + b"x" * 70_000 + b"\r\n\r\n"):
            assert not ask(address, garbage).startswith(b"HTTP/1.1 200")


class Transport(asyncio.Transport):
    """A connection that notes that it was closed."""

    closed = False

    def get_extra_info(self, name: str, default: object = None) -> object:
        return default

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def write(self, data: object) -> None:
        pass


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: "])
def test_who_does_not_ask_is_hung_up_on(said: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    from uvicorn import Config
    from uvicorn.server import ServerState

    monkeypatch.setattr("edge.page.serve.REQUEST_S", 0.05)

    async def connect() -> bool:
        config = Config(PlainTextResponse("nobody asked"), log_config=None)
        config.load()
        protocol = ImpatientProtocol(config, ServerState(), {})
        transport = Transport()
        protocol.connection_made(transport)
        if said:
            protocol.data_received(said)
        for _ in range(1000):
            if transport.closed:
                break
            await asyncio.sleep(0.01)
        return transport.closed

    assert asyncio.run(connect())


@pytest.mark.parametrize("address", ["0.0.0.0", "192.168.1.5", "line.example", "::"])
def test_a_page_that_others_could_look_at_is_refused(address: str) -> None:
    with pytest.raises(SettingsError, match=r"page\.address: .*: others could look"):
        refuse_open(PageSettings(address=address))


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "localhost", "127.8.8.8"])
def test_on_the_device_itself_it_is_served(address: str) -> None:
    refuse_open(PageSettings(address=address))


def test_a_port_that_is_taken_is_said_in_a_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert main(["page", "--page.port", port, "--journal.path", str(tmp_path / "j.sqlite")]) == 2
    assert f"page.port: 127.0.0.1:{port}: cannot be used" in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["--check", "--counts", "--json"])
def test_the_page_is_no_other_mode(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["page", flag]) == 2
    assert f"{flag}: does not go with page" in capsys.readouterr().err
