"""The state of the wall clock: it only labels, but labels are read by people."""

import ctypes

_UNSYNCHRONISED = 5  # TIME_ERROR of adjtimex(2)
_ROOM = 512  # more than any platform's struct timex


def clock_is_synchronised() -> bool | None:
    """True if the kernel's clock is held to a time server; None where the kernel does not say."""
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_ROOM))  # zeros: only ask
    except (AttributeError, OSError):
        return None
    return None if state < 0 else state != _UNSYNCHRONISED
