"""Messages to systemd, and that nobody waits for it."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.service.notify import Notifier


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    """The end of the socket that systemd would hold."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(tmp_path / "notify"))
        end.settimeout(5)
        yield end


def notifier(systemd: socket.socket, **environment: str) -> Notifier:
    return Notifier({"NOTIFY_SOCKET": systemd.getsockname(), **environment})


def test_each_message_is_one_datagram(systemd: socket.socket) -> None:
    say = notifier(systemd)
    say.ready()
    say.alive()
    say.status("running;\n3 ok")
    say.stopping()
    heard = [systemd.recv(1000).decode() for _ in range(4)]
    assert heard == ["READY=1", "WATCHDOG=1", "STATUS=running; 3 ok", "STOPPING=1"]


def test_a_socket_of_the_abstract_namespace_is_found() -> None:
    name = f"linegate-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(f"\0{name}")
        end.settimeout(5)
        Notifier({"NOTIFY_SOCKET": f"@{name}"}).ready()
        assert end.recv(100) == b"READY=1"


def test_without_systemd_nothing_is_said() -> None:
    say = Notifier({})
    say.ready()
    assert say.watchdog_s is None


@pytest.mark.parametrize("period", ["", "abc", "-1", "1e6", "\u0663", "1" * 5000])
def test_a_period_that_is_none_is_not_watched(systemd: socket.socket, period: str) -> None:
    assert notifier(systemd, WATCHDOG_USEC=period).watchdog_s is None


def test_a_status_that_is_no_text_is_said_as_far_as_it_goes(systemd: socket.socket) -> None:
    notifier(systemd).status("fault: camera: /tmp/\udcff is not there")
    assert systemd.recv(1000) == b"STATUS=fault: camera: /tmp/? is not there"


def test_a_systemd_that_does_not_read_holds_nobody_up(systemd: socket.socket) -> None:
    say = notifier(systemd)
    for _ in range(10_000):
        say.alive()


def test_a_systemd_that_went_away_is_nobody_s_fault(systemd: socket.socket) -> None:
    say = notifier(systemd)
    Path(systemd.getsockname()).unlink()
    say.alive()


def test_the_watchdog_s_limit_is_in_seconds(systemd: socket.socket) -> None:
    assert notifier(systemd, WATCHDOG_USEC="10000000").watchdog_s == 10
    assert notifier(systemd, WATCHDOG_USEC="10000000", WATCHDOG_PID=str(os.getpid())).watchdog_s == 10


def test_a_limit_for_another_process_is_not_ours(systemd: socket.socket) -> None:
    assert notifier(systemd, WATCHDOG_USEC="10000000", WATCHDOG_PID="1").watchdog_s is None


@pytest.mark.parametrize("period", ["", "0", "soon", "-1"])
def test_a_limit_that_is_none_is_none(systemd: socket.socket, period: str) -> None:
    assert notifier(systemd, WATCHDOG_USEC=period).watchdog_s is None
