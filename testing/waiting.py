"""Waiting for what other threads do."""

import time
from collections.abc import Callable


def wait_for(condition: Callable[[], bool]) -> None:
    """For a minute at most, not by a clock: a machine that stands still does not count."""
    for _ in range(12_000):
        if condition():
            return
        time.sleep(0.005)
    assert condition()
