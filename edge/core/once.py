"""Messages that are said once a reason, until what they are about works again."""

import re

_NUMBERS = re.compile(r"\d+(\.\d+)?")
_MOST = 10  # reasons that are told apart; a text that is another each time must not fill the log


class Once:
    """Reasons that were said; two that differ in numbers alone are one. For one thread at a time."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def is_new(self, reason: str) -> bool:
        """True if this was not said yet; from now on it was."""
        kind = _NUMBERS.sub("#", reason)
        if kind in self._said or len(self._said) >= _MOST:
            return False
        self._said.add(kind)
        return True

    def clear(self) -> None:
        """It works again: what breaks from now on is said anew."""
        self._said.clear()
