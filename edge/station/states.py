"""State of the station, from its faults and the commands it received. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from operator import itemgetter

from edge.core.state import State


@dataclass(frozen=True)
class _Fault:
    """A fault; ``is_over`` if its cause is gone and it was not reset."""

    reason: str
    is_over: bool = False


class States:
    """Faults by source; with ``latch`` each stays until it is reset.

    Changed by the line's thread, read by any: objects are replaced, never changed.
    """

    def __init__(self, *, latch: bool) -> None:
        self._latch = latch
        self._faults: dict[str, _Fault] = {}
        self._started = False
        self._running = False
        self._stopped: str | None = None

    def start(self) -> None:
        """Note that everything is set up and parts may come."""
        self._started = True

    def run(self) -> None:
        """Note that a part is inspected."""
        self._running = True

    def fault(self, source: str, reason: str | None) -> None:
        """Set the fault of one source, or None."""
        known = self._faults.get(source)
        if reason is not None:
            if known is not None and self._latch:
                reason = known.reason
            self._faults = {**self._faults, source: _Fault(reason)}
            self._running = False
        elif known is not None:
            self._faults = {**self._faults, source: replace(known, is_over=True)}
            if not self._latch:
                self.reset()

    def reset(self) -> None:
        """Drop faults whose cause is gone."""
        self._faults = {source: fault for source, fault in self._faults.items() if not fault.is_over}

    def stop(self, reason: str) -> None:
        """Stop inspecting until ``resume``."""
        self._stopped = reason
        self._running = False

    def resume(self) -> None:
        """Inspect again after ``stop``."""
        self._stopped = None

    @property
    def is_stopped(self) -> bool:
        """True while the station is stopped."""
        return self._stopped is not None

    @property
    def latched(self) -> str | None:
        """Reason of a fault that is over but not reset, or None; no part passes meanwhile."""
        return _latched(self._faults)

    @property
    def current(self) -> tuple[State, str | None]:
        """State and its reason, or None."""
        stopped, faults = self._stopped, self._faults
        if stopped is not None:
            return "stopped", stopped
        for fault in faults.values():
            if not fault.is_over:
                return "fault", fault.reason
        if faults:
            return "fault", f"{_latched(faults)}; over, waits for a reset"
        if not self._started:
            return "starting", None
        return ("running" if self._running else "ready"), None


def _latched(faults: Mapping[str, _Fault]) -> str | None:
    return next(
        (fault.reason for _, fault in sorted(faults.items(), key=itemgetter(0)) if fault.is_over), None
    )
