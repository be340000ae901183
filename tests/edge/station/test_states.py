"""The station's state, from what is wrong and what was asked."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from edge.station.states import States


def seen(states: States) -> tuple[str, str | None, str | None]:
    """State, reason and what is latched, as they are now."""
    return *states.current, states.latched


def test_it_starts_is_ready_and_runs() -> None:
    states = States(latch=False)
    assert seen(states) == ("starting", None, None)
    states.start()
    assert seen(states) == ("ready", None, None)
    states.run()
    assert seen(states) == ("running", None, None)


def test_a_fault_comes_with_its_reason_and_goes_with_its_cause() -> None:
    states = States(latch=False)
    states.start()
    states.fault("camera", "no frame")
    states.fault("gate", "the encoder is silent")
    assert seen(states) == ("fault", "no frame", None)
    states.fault("camera", None)
    assert seen(states) == ("fault", "the encoder is silent", None)
    states.fault("gate", None)
    assert seen(states) == ("ready", None, None)


def test_a_latched_fault_stays_until_it_is_reset_once_its_cause_is_gone() -> None:
    states = States(latch=True)
    states.start()
    states.fault("camera", "no frame")
    states.reset()
    assert seen(states) == ("fault", "no frame", None), "the cause is still there"
    states.fault("camera", None)
    assert seen(states) == ("fault", "no frame; over, waits for a reset", "no frame")
    states.reset()
    assert seen(states) == ("ready", None, None)


def test_a_latched_fault_keeps_the_reason_that_came_first() -> None:
    states = States(latch=True)
    states.fault("camera", "no frame for 2 s")
    states.fault("camera", "no frame for 3 s")
    assert seen(states) == ("fault", "no frame for 2 s", None)


def test_stopped_by_command_comes_before_all_else() -> None:
    states = States(latch=False)
    states.start()
    states.fault("camera", "no frame")
    states.stop("by command")
    assert seen(states) == ("stopped", "by command", None)
    states.resume()
    assert seen(states) == ("fault", "no frame", None)


def test_it_can_be_read_while_the_line_changes_it() -> None:
    """A part announced by a message or a pin reads the state on a thread of its own."""
    states = States(latch=True)
    done = threading.Event()

    def read() -> set[str | None]:
        found: set[str | None] = set()
        while not done.is_set():
            found |= {states.current[1], states.latched}
        return found

    before = sys.getswitchinterval()
    with ThreadPoolExecutor() as pool:
        sys.setswitchinterval(1e-6)
        try:
            reading = [pool.submit(read) for _ in range(2)]
            for _ in range(20_000):
                for trouble in ("broken", None):
                    for source in ("camera", "gate", "trigger"):
                        states.fault(source, trouble)
                states.reset()
        finally:
            sys.setswitchinterval(before)
            done.set()
        found = set.union(*(each.result() for each in reading))
    assert found <= {None, "broken", "broken; over, waits for a reset"}
