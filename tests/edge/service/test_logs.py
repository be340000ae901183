"""Log lines as the journal gets them, and how many of one kind."""

import io
import logging
import os
import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.service.logs import Damper, JournalHandler, goes_to_journal, priority


class Journal:
    """The end of the socket that journald would hold."""

    def __init__(self, folder: Path) -> None:
        self.address = str(folder / "journal")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)
        self._socket.settimeout(5)

    def entry(self) -> dict[str, str]:
        """The next entry."""
        raw, fields = self._socket.recv(1_000_000), {}
        while raw:
            line, raw = raw.split(b"\n", 1)
            key, is_short, text = line.partition(b"=")
            if not is_short:
                (length,) = struct.unpack("<Q", raw[:8])
                text, raw = raw[8 : 8 + length], raw[9 + length :]
            fields[key.decode()] = text.decode()
        return fields

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    end = Journal(tmp_path)
    yield end
    end.close()


@pytest.fixture
def stderr() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def logger(journal: Journal, stderr: io.StringIO) -> Iterator[logging.Logger]:
    logger = logging.Logger("edge.test")
    handler = JournalHandler(journal.address, station="left", fallback=stderr)
    logger.addHandler(handler)
    yield logger
    handler.close()


def test_an_entry_has_its_level_the_station_and_where_it_was_written(
    logger: logging.Logger, journal: Journal
) -> None:
    logger.error("no frame for %d ms", 500)
    entry = journal.entry()
    assert entry["MESSAGE"] == "no frame for 500 ms"
    assert entry["PRIORITY"] == "3"
    assert entry["LINEGATE_STATION"] == "left"
    assert (entry["LOGGER"], entry["SYSLOG_IDENTIFIER"]) == ("edge.test", "edge")
    assert entry["CODE_FILE"] == __file__
    assert entry["THREAD_NAME"] == "MainThread"


def test_what_is_marked_as_ours_becomes_a_field(logger: logging.Logger, journal: Journal) -> None:
    logger.info("state", extra={"linegate_state": "fault"})
    assert journal.entry()["LINEGATE_STATE"] == "fault"


def test_several_lines_are_one_entry_and_cannot_forge_a_field(
    logger: logging.Logger, journal: Journal
) -> None:
    try:
        raise ValueError("first\nPRIORITY=0\nlast")
    except ValueError:
        logger.exception("a message\nPRIORITY=0")
    entry = journal.entry()
    assert entry["MESSAGE"].splitlines()[0] == "a message\\nPRIORITY=0"
    assert entry["MESSAGE"].endswith("ValueError: first\nPRIORITY=0\nlast")
    assert entry["PRIORITY"] == "3"


def test_an_error_is_shown_with_its_stack(logger: logging.Logger, journal: Journal) -> None:
    try:
        raise ValueError("worn out")
    except ValueError:
        logger.exception("inspection: fails")
    assert journal.entry()["MESSAGE"].endswith("ValueError: worn out")


@pytest.mark.parametrize(
    ("level", "number"),
    [("CRITICAL", 2), ("ERROR", 3), ("WARNING", 4), ("INFO", 6), ("DEBUG", 7)],
)
def test_levels_are_syslog_s(level: str, number: int) -> None:
    assert priority(getattr(logging, level)) == number


def test_without_a_journal_lines_go_to_standard_error_with_their_level(
    logger: logging.Logger, journal: Journal, stderr: io.StringIO
) -> None:
    Path(journal.address).unlink()
    logger.warning("one\ntwo", exc_info=ValueError("three\nfour"))
    assert stderr.getvalue() == "<4>one\\ntwo\n<4>ValueError: three\n<4>four\n"


def test_an_entry_too_long_for_the_socket_is_not_lost(logger: logging.Logger, stderr: io.StringIO) -> None:
    logger.info("x" * 10_000_000)
    assert len(stderr.getvalue()) > 10_000_000


def test_a_journal_that_does_not_read_holds_nobody_up_and_is_told_what_it_missed(
    logger: logging.Logger, journal: Journal
) -> None:
    for number in range(2000):
        logger.info("line %d", number)
    journal.entry()
    read = 1
    logger.info("later")
    while (entry := journal.entry())["MESSAGE"] != "later":
        read += 1
    assert int(entry["LINEGATE_ENTRIES_LOST"]) == 2000 - read


def test_only_systemd_s_own_stream_counts_as_the_journal(tmp_path: Path) -> None:
    with (tmp_path / "stream").open("w") as stream:
        status = os.fstat(stream.fileno())
        assert goes_to_journal(stream, {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})
        assert not goes_to_journal(stream, {"JOURNAL_STREAM": "1:1"})
        assert not goes_to_journal(stream, {})
    assert not goes_to_journal(sys.stderr, {"JOURNAL_STREAM": ""})


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def heard(clock: Clock, messages: Iterator[tuple[float, str]]) -> list[str]:
    """The lines that come through, each at its time."""
    damper, through = Damper(most=5, period_s=60, clock=clock), []
    for clock.now, text in messages:
        record = logging.LogRecord("edge", logging.ERROR, "", 0, text, None, None)
        if damper.filter(record):
            through.append(record.getMessage())
    return through


def test_what_breaks_and_mends_with_every_frame_is_written_five_times_a_minute_and_counted() -> None:
    through = heard(Clock(), ((frame / 50, f"frame {frame} is black") for frame in range(50 * 121)))
    assert through[:5] == [f"frame {number} is black" for number in range(5)]
    assert through[5] == "frame 3000 is black (2995 more like it were left out)"
    assert len(through) == 15


def test_rare_lines_and_different_ones_all_come_through() -> None:
    rare = [(second * 13.0, "camera is back") for second in range(100)]
    assert len(heard(Clock(), iter(rare))) == 100
    different = [(0.0, f"part {'abcdefgh'[number]} is not in the bin") for number in range(8)]
    assert len(heard(Clock(), iter(different))) == 8


def test_a_stranger_who_sees_to_it_that_no_two_lines_are_alike_fills_no_disk() -> None:
    """A thousand a second, each with letters of its own, as ids of commands may be."""
    ids = ("".join(chr(97 + int(digit)) for digit in str(number)) for number in range(121_000))
    told = ((number / 1000, f"command {name}: no such recipe") for number, name in enumerate(ids))
    through = heard(Clock(), told)
    assert len(through) == 3 * 20
    assert through[20].endswith("(59980 more like it were left out)")


def test_many_lines_of_one_place_silence_no_other_place() -> None:
    damper = Damper(most_here=20)
    for line in range(3):
        for number in range(1000):
            name = "".join(chr(97 + int(digit)) for digit in str(number))
            damper.filter(logging.LogRecord("edge", logging.ERROR, "inbox.py", 7, name, None, None))
        other = logging.LogRecord("edge", logging.ERROR, "guard.py", line, f"camera {line}", None, None)
        assert damper.filter(other)


def test_however_many_kinds_there_are_few_are_kept() -> None:
    damper = Damper()
    for number in range(10_000):
        text = "".join(chr(97 + int(digit)) for digit in str(number))
        damper.filter(logging.LogRecord("edge", logging.ERROR, "", 0, text, None, None))
    assert damper.kinds <= 200


def test_a_line_that_cannot_be_made_does_not_end_the_thread_that_logs_it(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    logger, handler = (
        logging.Logger("edge.test"),
        JournalHandler(journal.address, station="a", fallback=sys.stderr),
    )
    handler.addFilter(Damper())
    logger.addHandler(handler)
    logger.error("%d parts", "many")
    logger.error("the next one")
    assert journal.entry()["MESSAGE"] == "the next one"
    handler.close()
