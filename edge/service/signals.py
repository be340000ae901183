"""What signals do to the daemon, in one place.

TERM, INT   send what waits, within a bound, and end
HUP         read settings and bundle again
USR1        the stacks of all threads to standard error, which systemd gives to the journal
ABRT        the same, and the end: systemd's watchdog sends it
"""

import faulthandler
import signal
from collections.abc import Callable
from types import FrameType

_STDERR = 2


def handle_signals(*, stop: Callable[[], None], reload: Callable[[], None]) -> None:
    """Handle signals from now on; both functions are called on the main thread and must return at once."""
    faulthandler.enable(_STDERR, all_threads=True)
    faulthandler.register(signal.SIGUSR1, _STDERR, all_threads=True)

    def call(what: Callable[[], None]) -> Callable[[int, FrameType | None], None]:
        return lambda _number, _frame: what()

    signal.signal(signal.SIGTERM, call(stop))
    signal.signal(signal.SIGINT, call(stop))
    signal.signal(signal.SIGHUP, call(reload))
