"""Whoever watches gets the newest message; whoever does not read harms nobody."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.outputs.live import sender as sender_module
from edge.outputs.live.sender import Sender
from edge.outputs.live.wire import socket_name
from testing.waiting import wait_for


class Source:
    """Gives a message, and counts how often it was asked for one."""

    def __init__(self, message: bytes = b"first") -> None:
        self.message = message
        self.asked = 0

    def __call__(self) -> bytes:
        self.asked += 1
        return self.message


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return (
        tmp_path / ("a folder with a long name " * 6) / "journal.sqlite.live"
    )  # no socket's name is so long


@pytest.fixture
def sender(source: Source, file: Path) -> Iterator[Sender]:
    made = Sender(file, source, most_watchers=2)
    made.start()
    wait_for(file.exists)
    yield made
    made.stop()


def connect(file: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(20)
    with socket_name(file) as name:
        connection.connect(name)
    return connection


def receives(file: Path, message: bytes) -> bool:
    """True if who connects now gets this; between two sockets nobody answers."""
    try:
        with connect(file) as viewer:
            return viewer.recv(len(message)) == message
    except OSError:
        return False


def test_nothing_is_asked_for_while_nobody_watches(sender: Sender, source: Source, file: Path) -> None:
    assert source.asked == 0
    with connect(file) as viewer:
        assert viewer.recv(5) == b"first"
    wait_for(lambda: sender.watchers == 0)
    asked = source.asked
    with connect(file) as viewer:  # the thread is at work, and asked for nothing in between
        assert viewer.recv(5) == b"first"
        assert source.asked <= asked + 2


def test_what_does_not_change_is_said_once(sender: Sender, source: Source, file: Path) -> None:
    with connect(file) as viewer:
        assert viewer.recv(100) == b"first"
        wait_for(lambda: source.asked > 3)
        source.message = b"second"
        assert viewer.recv(100) == b"second"


def test_who_does_not_read_gets_the_newest_next_and_not_all_that_came_meanwhile(
    sender: Sender, source: Source, file: Path
) -> None:
    large = 4 * 2**20
    source.message = b"a" * large
    with connect(file) as viewer, connect(file) as other:
        wait_for(lambda: source.asked == 2)
        for number in range(10):
            source.message = str(number).encode() * 100
            time.sleep(0.05)
        source.message = b"z" * 100
        got = b""
        while not got.endswith(b"z" * 100):
            got += viewer.recv(large)
        assert got == b"a" * large + b"z" * 100
        assert other.recv(1) == b"a"


def test_who_never_reads_is_hung_up_on(
    sender: Sender, source: Source, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender_module, "UNREAD_S", 0.2)
    source.message = b"a" * (4 * 2**20)
    with connect(file):
        wait_for(lambda: sender.watchers == 1)
        wait_for(lambda: sender.watchers == 0)


def test_who_says_something_is_hung_up_on(sender: Sender, file: Path) -> None:
    with connect(file) as viewer:
        viewer.sendall(b"GET / HTTP/1.1\r\n\r\n")
        wait_for(lambda: sender.watchers == 0)


def test_no_more_than_so_many_may_watch(sender: Sender, source: Source, file: Path) -> None:
    with connect(file) as first, connect(file) as second:
        assert first.recv(5) == second.recv(5) == b"first"
        with connect(file) as third:
            assert third.recv(1) == b""


def test_a_message_that_cannot_be_made_ends_nothing(
    source: Source, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender_module, "AGAIN_S", 0.01)
    broken = [ValueError("no picture")]

    def newest() -> bytes:
        if broken:
            raise broken.pop()
        return b"again"

    sender = Sender(file, newest, most_watchers=1)
    sender.start()
    try:
        wait_for(file.exists)
        with connect(file) as viewer:
            assert viewer.recv(1) == b""
        wait_for(lambda: receives(file, b"again"))
    finally:
        sender.stop()


def test_a_socket_that_is_taken_away_or_left_by_another_process_is_made_again(
    source: Source, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender_module, "LOOK_S", 0.05)
    monkeypatch.setattr(sender_module, "AGAIN_S", 0.01)
    file.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as left, socket_name(file) as name:
        left.bind(name)
    sender = Sender(file, source, most_watchers=1)
    sender.start()
    try:
        wait_for(lambda: file.stat().st_mode & 0o777 == 0o600)
        file.unlink()
        wait_for(lambda: receives(file, b"first"))
    finally:
        sender.stop()
    assert not file.exists()


def test_another_file_of_that_name_is_left_alone(source: Source, file: Path) -> None:
    file.parent.mkdir(parents=True)
    file.write_text("mine")
    sender = Sender(file, source, most_watchers=1)
    sender.start()
    sender.stop()
    assert file.read_text() == "mine"


def test_on_a_disk_that_takes_no_writes_any_more_no_socket_is_kept(
    source: Source, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A socket would keep a dead disk from being unmounted, and so from coming back."""
    monkeypatch.setattr(sender_module, "LOOK_S", 0.05)
    monkeypatch.setattr(sender_module, "AGAIN_S", 0.01)

    def dead(_file: Path) -> None:
        raise OSError(30, "Read-only file system")

    made = Sender(file, source, most_watchers=2)
    made.start()
    try:
        wait_for(file.exists)
        with monkeypatch.context() as patched:
            patched.setattr("edge.outputs.live.sender.listen", _refused)
            patched.setattr("edge.outputs.live.sender.os.utime", dead)
            wait_for(lambda: nobody_listens(file))
        wait_for(lambda: receives(file, b"first"))
    finally:
        made.stop()


def nobody_listens(file: Path) -> bool:
    try:
        connect(file).close()
    except ConnectionRefusedError:
        return True
    return False


def _refused(_file: Path) -> socket.socket:
    raise OSError(30, "Read-only file system")
