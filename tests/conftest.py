"""A real broker for every test that asks, and a rule: where a broker is promised, no test may do without."""

import os
from collections.abc import Generator, Iterator, Mapping
from typing import Protocol

import pytest

from tests.brokers import MosquittoBroker, find_mosquitto

REQUIRE_BROKER = "LINEGATE_REQUIRE_BROKER"
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


def broker_is_required() -> bool:
    return os.environ.get(REQUIRE_BROKER, "0") not in ("", "0")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn the skip of a broker test into a failure; count those that ran."""
    report = yield
    if item.get_closest_marker("broker") is None:
        return report
    skipped = report.skipped and not hasattr(report, "wasxfail")
    if skipped and broker_is_required():
        report.outcome = "failed"
        report.longrepr = f"{REQUIRE_BROKER} is set, but the test was skipped: {report.longrepr}"
    elif report.when == "call" and not skipped:
        item.config.stash[ran_with_broker] = item.config.stash.get(ran_with_broker, 0) + 1
    return report


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run that was to have broker tests and had none."""
    if broker_is_required() and not session.config.stash.get(ran_with_broker, 0):
        session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say how many tests had a broker, where one is promised."""
    if broker_is_required():
        terminalreporter.write_line(f"tests with a broker: {config.stash.get(ran_with_broker, 0)}")
