"""Signals and their effect on the daemon, in one place.

TERM, INT   send what waits, within a bound, and end
HUP         read settings and bundle again
USR1        the stacks of all threads to standard error, which systemd gives to the journal
ABRT        the same, and the end: systemd's watchdog sends it
"""

import faulthandler
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

_STDERR = 2
_PAUSE_S = 1.0  # between two writings of all stacks, however many ask for them
_MOST_FRAMES = 100
_AT_ONCE = 4096


def handle_signals(*, stop: Callable[[], None], reload: Callable[[], None]) -> None:
    """Handle signals from now on; both functions are called on the main thread and must return at once."""
    faulthandler.enable(_STDERR, all_threads=True)
    _write_stacks_on(signal.SIGUSR1)

    def call(what: Callable[[], None]) -> Callable[[int, FrameType | None], None]:
        return lambda _number, _frame: what()

    signal.signal(signal.SIGTERM, call(stop))
    signal.signal(signal.SIGINT, call(stop))
    signal.signal(signal.SIGHUP, call(reload))


def stacks() -> str:
    """Where every thread is at this moment, the most recent call first; may be called on any thread.

    It holds the GIL while it looks. A signal handler that walks the stacks of running threads, such as
    faulthandler's, reads memory that they free meanwhile.
    """
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    collects = gc.isenabled()
    gc.disable()  # CPython 3.11.4 and before may hang where _current_frames() begins a collection (gh-106883)
    try:
        frames = sys._current_frames()
    finally:
        if collects:
            gc.enable()
    lines: list[str] = []
    for identity, frame in frames.items():
        name = names.get(identity, "of a library")
        lines.append(f"Thread 0x{identity:016x} ({name}), most recent call first:")
        lines.extend(_calls(frame))
    return "\n".join([*lines, ""])


def _calls(frame: FrameType | None) -> Iterator[str]:
    for _ in range(_MOST_FRAMES):
        if frame is None:
            return
        yield f'  File "{frame.f_code.co_filename}", line {frame.f_lineno} in {frame.f_code.co_name}'
        frame = frame.f_back
    yield "  ..."


def _write_stacks_on(number: signal.Signals) -> None:
    """Queue each request in a pipe, which Python's own handler writes to also while the main thread hangs."""
    requests, wakeup = os.pipe()
    os.set_blocking(wakeup, False)
    signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
    signal.signal(number, lambda _number, _frame: None)  # else its number is not queued

    def serve() -> None:
        while numbers := os.read(requests, _AT_ONCE):
            if number in numbers:
                _write(stacks())
                time.sleep(_PAUSE_S)

    threading.Thread(target=serve, name="stacks", daemon=True).start()


def _write(text: str) -> None:
    """All of it, past Python's own stream, whose lock a thread that hangs may hold."""
    left = text.encode("utf-8", "replace")
    try:
        while left:
            left = left[os.write(_STDERR, left) :]
    except OSError:
        pass  # nobody listens any more
