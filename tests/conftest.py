"""A real broker for every test that asks, and a rule: where a broker is promised, no test may do without."""

import logging
import os
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import pytest
from hypothesis import settings

from edge.service.logs import Damper
from testing.brokers import MosquittoBroker, find_mosquitto
from testing.stations import EdgeProcess, Watcher
from testing.toy_model import toy_bundle

MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
REQUIRE_BROKER = "LINEGATE_REQUIRE_BROKER"
settings.register_profile("unhurried", deadline=None)  # a busy machine is no mistake
settings.load_profile("unhurried")
ran_with_broker = pytest.StashKey[int]()


class StartBroker(Protocol):
    """Starts one more broker, which is stopped at the latest when the session ends."""

    def __call__(
        self, config: str = "", *, passwords: Mapping[str, str] | None = None
    ) -> MosquittoBroker: ...


@pytest.fixture(scope="session")
def mosquitto_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartBroker]:
    """``mosquitto_broker(config, passwords={user: password})`` starts a mosquitto; mark tests ``broker``."""
    program = find_mosquitto()
    if program is None:
        pytest.skip("mosquitto is not installed")
    brokers: list[MosquittoBroker] = []

    def start(config: str = "", *, passwords: Mapping[str, str] | None = None) -> MosquittoBroker:
        folder = tmp_path_factory.mktemp("mosquitto")
        broker = MosquittoBroker(program, folder, config=config, passwords=passwords)
        brokers.append(broker)
        broker.start()
        return broker

    yield start
    for broker in brokers:
        broker.stop()


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No EDGE_ variable and no config.toml of whoever runs the tests."""
    for name in [name for name in os.environ if name.startswith("EDGE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _no_log_of_a_test_before() -> Iterator[None]:
    """Take away handlers that a command set up for a stream that is closed when its test ends."""
    yield
    root = logging.getLogger()
    for handler in list(root.handlers):
        if any(isinstance(one, Damper) for one in handler.filters):
            root.removeHandler(handler)
            root.setLevel(logging.WARNING)


@pytest.fixture
def memory_path() -> Iterator[Path]:
    """A folder in memory, where there is one: how busy this machine's disk is must not decide a test."""
    with tempfile.TemporaryDirectory(prefix="linegate-", dir=MEMORY) as folder:
        yield Path(folder)


@pytest.fixture
def broker(mosquitto_broker: StartBroker) -> Iterator[MosquittoBroker]:
    """A broker for this test alone, which keeps its messages over a restart."""
    broker = mosquitto_broker("persistence true")
    yield broker
    broker.stop()


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle that calls images darker than mid grey defective."""
    return toy_bundle(tmp_path / "toy.tflite")


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """Four bright images in ok/, three dark ones in defect/."""
    folder = tmp_path / "parts"
    generator = np.random.default_rng(1)
    for label, level, count in (("ok", 200, 4), ("defect", 50, 3)):
        (folder / label).mkdir(parents=True)
        for number in range(count):
            image = generator.normal(level, 10, (48, 48)).clip(0, 255).astype(np.uint8)
            cv2.imwrite(str(folder / label / f"{number}.png"), image)
    return folder


@pytest.fixture
def watcher(broker: MosquittoBroker) -> Iterator[Watcher]:
    """A subscriber to everything on the broker."""
    watcher = Watcher(broker)
    yield watcher
    watcher.close()


@pytest.fixture
def edge_process() -> Iterator[Callable[..., EdgeProcess]]:
    """Starts daemons, and kills those that a test leaves running."""
    started: list[EdgeProcess] = []

    def start(*arguments: str) -> EdgeProcess:
        started.append(EdgeProcess(*arguments))
        return started[-1]

    yield start
    for running in started:
        if running.process.poll() is None:
            running.process.kill()
            running.process.communicate()


def is_one_of_several(config: pytest.Config) -> bool:
    """True if this process only runs tests for another, which has the last word."""
    return hasattr(config, "workerinput")


def broker_is_required() -> bool:
    return os.environ.get(REQUIRE_BROKER, "0") not in ("", "0")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn the skip of a broker test into a failure."""
    report = yield
    if _is_skipped(report) and broker_is_required() and item.get_closest_marker("broker") is not None:
        report.outcome = "failed"
        report.longrepr = f"{REQUIRE_BROKER} is set, but the test was skipped: {report.longrepr}"
    return report


def _is_skipped(report: pytest.TestReport) -> bool:
    return report.skipped and not hasattr(report, "wasxfail")


class _BrokerTests:
    """Counts those that ran, in the one process that hears of all of them."""

    def __init__(self, config: pytest.Config) -> None:
        self._stash = config.stash

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and not _is_skipped(report) and "broker" in report.keywords:
            self._stash[ran_with_broker] = self._stash.get(ran_with_broker, 0) + 1


def pytest_configure(config: pytest.Config) -> None:
    """Count the tests that had a broker."""
    config.pluginmanager.register(_BrokerTests(config))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run that was to have broker tests and had none."""
    if is_one_of_several(session.config):
        return
    if broker_is_required() and not session.config.stash.get(ran_with_broker, 0):
        session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say how many tests had a broker, where one is promised."""
    if broker_is_required():
        terminalreporter.write_line(f"tests with a broker: {config.stash.get(ran_with_broker, 0)}")
