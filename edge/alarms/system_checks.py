"""Checks of the station's disk and clock. Pure; measured values come in."""

_ENOUGH = 1.2  # so many times the least is enough again


class DiskCheck:
    """Trouble if fewer than ``least`` bytes are free; over at a fifth more."""

    def __init__(self, least: float) -> None:
        self._least = least
        self._short: set[str] = set()

    def trouble(self, free: dict[str, int]) -> str | None:
        """Return the trouble, given the free bytes of each folder, or None."""
        for folder, count in free.items():
            if count < self._least:
                self._short.add(folder)
            elif count >= _ENOUGH * self._least:
                self._short.discard(folder)
        short = sorted(self._short & free.keys())
        if not short:
            return None
        return f"{short[0]}: {free[short[0]] / 1e6:.0f} MB free (alarms.disk_free_mb)"


class ClockCheck:
    """Trouble if the clock was not synchronised for ``after_s``, as it is not for a while after a boot."""

    def __init__(self, after_s: float) -> None:
        self._after_s = after_s
        self._since: float | None = None

    def trouble(self, synchronised: bool | None, now: float) -> str | None:  # noqa: FBT001  a measured value
        """Return the trouble with the clock, or None; None for ``synchronised`` (unknown) is no trouble."""
        if synchronised is not False:
            self._since = None
            return None
        self._since = now if self._since is None else self._since
        if now - self._since < self._after_s:
            return None
        return f"not synchronised for {self._after_s:g} s: times in messages may be wrong (alarms.clock_s)"
