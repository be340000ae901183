"""`python -m benchmarks.page_load`: the line with and without its page.

A station inspects at a steady rate; in turns its page is not there, and is there with a hundred browsers and
a person who reviews. Then the page is killed over and over. Latencies, from capture to a command received,
of the turns of one run are compared; every part must have its verdict. Writes to docs/research/page.md.
"""

import argparse
import itertools
import multiprocessing
import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from multiprocessing.synchronize import Event
from pathlib import Path

import numpy as np

from benchmarks.performance import tables
from benchmarks.performance.line import AS_RECOMMENDED, Subscriber, draw, start_station
from benchmarks.results import ROOT, machine, write_section
from edge.page.login import user_line
from testing.brokers import MosquittoBroker, find_mosquitto

DOCUMENT = ROOT / "docs" / "research" / "page.md"
CLIENTS, RATE = 100, 50.0
PASSWORD = "correct horse"
_EDGE_S = 1.0  # of a turn, that belongs to neither
_PATHS = ("/", "/now/live", "/now/rejects", "/now/hour", "/history", "/static/page.css")
_PAGE_NICE = 10  # as the unit has it


class Timed(Subscriber):
    """The same with the moment at which each command came."""

    def __init__(self, broker: MosquittoBroker) -> None:
        self.moments: list[float] = []
        super().__init__(broker)

    def _take(self, *arguments: object) -> None:
        before = len(self.station)
        super()._take(*arguments)  # type: ignore[arg-type]
        if len(self.station) > before:
            self.moments.append(time.monotonic())

    def within(self, spans: Sequence[tuple[float, float]]) -> list[float]:
        """Milliseconds of the commands that came in one of these spans."""
        pairs = zip(list(self.moments), list(self.station), strict=False)
        return [ms for at, ms in pairs if any(start <= at < end for start, end in spans)]


@dataclass
class Turns:
    """Spans of monotonic seconds without the page, and with it and its browsers."""

    without: list[tuple[float, float]] = field(default_factory=list)
    beside: list[tuple[float, float]] = field(default_factory=list)


class PageProcess:
    """`edge page` for a station's journal and archive."""

    def __init__(self, folder: Path, users: str) -> None:
        command = [
            *(
                "nice",
                "-n",
                str(_PAGE_NICE),
                sys.executable,
                "-m",
                "edge",
                "page",
                "--config",
                "/dev/null",
                "--page.port",
                "0",
            ),
            *("--journal.path", str(folder / "journal.sqlite"), "--archive.path", str(folder / "archive")),
            *("--page.users", users, "--page.requests_s", "100000", "--mqtt.enabled", "false"),
        ]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        found = re.search(r"http://\S+", self._process.stdout.readline())
        if found is None:
            raise RuntimeError("the page did not start")
        self.address = found[0]

    def kill(self) -> None:
        """End it without a word."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()


def browse(address: str, clients: int, stop: Event, asked: "multiprocessing.Queue[int]") -> None:
    """So many browsers, each asking for what a page asks for, and one person who reviews."""
    os.nice(19)  # they are other computers' work
    counts = [0] * clients

    def look(number: int) -> None:
        for path in itertools.cycle(_PATHS):
            if stop.is_set():
                return
            try:
                with urllib.request.urlopen(address + path, timeout=5) as answer:
                    answer.read()
                counts[number] += 1
            except (OSError, urllib.error.URLError):
                time.sleep(0.1)
            stop.wait(1.0)

    people = [threading.Thread(target=look, args=(number,)) for number in range(clients)]
    people.append(threading.Thread(target=_review, args=(address, stop)))
    for person in people:
        person.start()
    for person in people:
        person.join()
    asked.put(sum(counts))


def _review(address: str, stop: Event) -> None:
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def post(path: str, **form: str) -> None:
        data = urllib.parse.urlencode(form).encode()
        asked = urllib.request.Request(address + path, data, {"Origin": address})
        browser.open(asked, timeout=5).read()

    try:
        post("/login", name="ann", password=PASSWORD)
        while not stop.wait(1.0):
            text = browser.open(f"{address}/review", timeout=5).read().decode()
            token = re.search('name="token" value="([0-9a-f]+)"', text)
            number = re.search(r'action="/review/(\d+)"', text)
            if token is not None and number is not None:
                post(f"/review/{number[1]}", label="ok", token=token[1])
    except OSError:
        return


def take_turns(folder: Path, users: str, *, pairs: int, seconds: float, clients: int) -> tuple[Turns, int]:
    """Without and with the page, in turns; also the requests that were answered."""
    turns, processes, asked = Turns(), multiprocessing.get_context("spawn"), 0
    for _ in range(pairs):
        begun = time.monotonic()
        time.sleep(seconds)
        turns.without.append((begun + _EDGE_S, time.monotonic()))
        page, stop, counts = PageProcess(folder, users), processes.Event(), processes.Queue()
        crowd = processes.Process(target=browse, args=(page.address, clients, stop, counts))
        crowd.start()
        time.sleep(_EDGE_S)
        begun = time.monotonic()
        time.sleep(seconds)
        turns.beside.append((begun + _EDGE_S, time.monotonic()))
        stop.set()
        asked += counts.get(timeout=60)
        crowd.join()
        page.kill()
        time.sleep(_EDGE_S)
    return turns, asked


def kill_often(folder: Path, users: str, times: int) -> None:
    """Start the page, ask it something, and kill it."""
    for _ in range(times):
        page = PageProcess(folder, users)
        with urllib.request.urlopen(f"{page.address}/now/live", timeout=5) as answer:
            answer.read(100)
        page.kill()


def main(argv: list[str] | None = None) -> int:
    """Measure and write; returns the exit status."""
    parser = argparse.ArgumentParser(prog="page_load", description=__doc__)
    parser.add_argument("--pairs", type=int, default=6, help="turns without and with the page (default: 6)")
    parser.add_argument("--seconds", type=float, default=15, help="of each turn (default: 15)")
    parser.add_argument("--kills", type=int, default=100, help="of the page (default: 100)")
    parser.add_argument("--out", type=Path, default=DOCUMENT, help="default: docs/research/page.md")
    arguments = parser.parse_args(argv)
    program = find_mosquitto()
    if program is None:
        print("page_load: mosquitto is not installed", file=sys.stderr)
        return 2
    users = user_line("ann", "review", PASSWORD)
    with tempfile.TemporaryDirectory(prefix="linegate-") as name:
        folder = Path(name)
        needed = arguments.pairs * (2 * arguments.seconds + 10) + arguments.kills * 4 + 30
        draw(folder / "parts", int(needed * RATE))
        broker = MosquittoBroker(program, folder / "broker", config=AS_RECOMMENDED)
        broker.start()
        subscriber = Timed(broker)
        more = ("--archive.path", str(folder / "archive"), "--archive.min_free_mb", "0")
        station = start_station(folder, broker, rate=RATE, cores=os.cpu_count() or 1, more=more)
        time.sleep(5)
        turns, asked = take_turns(
            folder, users, pairs=arguments.pairs, seconds=arguments.seconds, clients=CLIENTS
        )
        kill_often(folder, users, arguments.kills)
        station.send_signal(signal.SIGTERM)
        is_ended = station.wait() == 0
        time.sleep(0.5)
        subscriber.close()
        recorded = _recorded(folder / "journal.sqlite")
        broker.stop()
    text = table(subscriber, turns, asked, arguments.kills, recorded, is_ended=is_ended)
    print(text)
    write_section(arguments.out, "page-load", text)
    return 0


def _recorded(journal: Path) -> tuple[int, int]:
    """Parts, and how many of them were faults."""
    database = sqlite3.connect(journal)
    parts, faults = database.execute(
        "SELECT count(*), coalesce(sum(verdict = 'fault'), 0) FROM inspections"
    ).fetchone()
    database.close()
    return int(parts), int(faults)


def table(
    subscriber: Timed, turns: Turns, asked: int, kills: int, recorded: tuple[int, int], *, is_ended: bool
) -> str:
    """Rows of Markdown."""
    without, beside = subscriber.within(turns.without), subscriber.within(turns.beside)
    rows = []
    for what, values in (("without the page", without), (f"with {CLIENTS} browsers and a reviewer", beside)):
        p50, p99 = np.percentile(values, [50, 99])
        rows.append((what, len(values), p50, p99))
    parts, faults = recorded
    return "\n".join(
        [
            f"{machine()} {RATE:g} parts a second.",
            "",
            tables.table(
                ("turn", "commands", "p50, ms", "p99, ms"),
                [(what, count, f"{p50:.2f}", f"{p99:.2f}") for what, count, p50, p99 in rows],
            ),
            "",
            f"Ratio: p50 {rows[1][2] / rows[0][2]:.2f}, p99 {rows[1][3] / rows[0][3]:.2f}. "
            f"{asked} requests were answered. Then the page was killed {kills} times. Of {parts} parts "
            f"{len(subscriber.verdicts)} verdicts came, {faults} were faults; the station ended "
            f"{'as it should' if is_ended else 'in error'}.",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
