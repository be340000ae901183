"""The file of the bundle that decides is replaced by another one."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.deployment.deployment import (
    Deployment,
    Prepared,
    activation,
    reloading,
    replacement,
)
from edge.deployment.file_watch import FileStamp, stamp_of
from edge.deployment.manager import Change
from edge.deployment.selection import read_selection
from tests.edge.deployment.bench import Bench
from tests.edge.deployment.bundles import Stored


def test_a_file_that_is_replaced_is_taken_once_it_is_whole(
    bench: Callable[..., Bench], bundle: Path, stored: dict[str, Stored]
) -> None:
    here = bench(model__watch_s=0.02)
    first, data = here.bundle_sha256, stored["two"].path.read_bytes()
    copy = bundle.with_suffix(".copying")
    copy.write_bytes(data[: len(data) // 2])
    copy.replace(bundle)
    here.poll_until(lambda: bool(here.alarms))
    assert here.bundle_sha256 == first
    copy.write_bytes(data)
    copy.replace(bundle)
    here.poll_until(lambda: here.bundle_sha256 == stored["two"].sha256)
    assert here.alarms[1:] == [None]


def test_a_replaced_file_that_was_activated_decides_after_a_restart_too(
    bench: Callable[..., Bench], stored: dict[str, Stored]
) -> None:
    here, one, two = bench(model__watch_s=0.02), stored["one"], stored["two"]
    here.change(activation(one.name, one.sha256))
    two.path.replace(one.path)
    here.poll_until(lambda: here.bundle_sha256 == two.sha256)
    assert bench().bundle_sha256 == two.sha256


def test_a_replaced_file_that_was_rolled_back_is_not_taken_again_until_it_changes(
    bench: Callable[..., Bench], bundle: Path, stored: dict[str, Stored], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = bench(model__watch_s=0.02, model__trial_faults=1)
    first = here.bundle_sha256
    looks: list[Path] = []

    def stamp(path: Path) -> FileStamp | None:
        looks.append(path)
        return stamp_of(path)

    monkeypatch.setattr("edge.deployment.manager.stamp_of", stamp)
    stored["picky"].path.replace(bundle)
    here.poll_until(lambda: here.bundle_sha256 == stored["picky"].sha256)
    here.show()
    assert here.bundle_sha256 == first
    settings = here.deployment.settings
    assert here.change(reloading(lambda: settings)).error is None
    looks.clear()
    here.poll_until(lambda: len(looks) > 4)
    assert here.bundle_sha256 == first
    stored["two"].path.replace(bundle)
    here.poll_until(lambda: here.bundle_sha256 == stored["two"].sha256)


def test_a_roll_back_is_kept_though_the_station_ends_at_once(
    bench: Callable[..., Bench], stored: dict[str, Stored], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, picky = bench(model__trial_faults=1), stored["picky"]
    first = here.bundle_sha256
    here.change(activation(picky.name, picky.sha256))
    begun, may_go_on = threading.Event(), threading.Event()

    def slow(deployment: Deployment) -> Prepared:
        begun.set()
        may_go_on.wait(20)
        return replacement(deployment)

    here.manager.ask(Change("another", slow))
    assert begun.wait(20)
    here.show()
    stopping = threading.Thread(target=here.manager.stop)
    stopping.start()
    here.poll_until(lambda: here.manager.ask(Change("late", slow)) == "the station is not running")
    may_go_on.set()
    stopping.join()
    assert read_selection(here.file)[0].bundles == {}
    assert bench().bundle_sha256 == first
