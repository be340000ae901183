"""The station's state: pure, from what is wrong and what was asked of it."""

from typing import Literal

State = Literal["starting", "ready", "running", "fault", "stopped", "offline"]


class States:
    """Faults by where they come from; with ``latch`` each stays until it is reset."""

    def __init__(self, *, latch: bool) -> None:
        self._latch = latch
        self._faults: dict[str, str] = {}
        self._gone: set[str] = set()
        self._started = False
        self._running = False
        self._stopped: str | None = None

    def start(self) -> None:
        """Everything is set up: parts may come."""
        self._started = True

    def run(self) -> None:
        """A part is being inspected."""
        self._running = True

    def fault(self, source: str, reason: str | None) -> None:
        """What is wrong with one source, or that nothing is."""
        if reason is not None:
            if source not in self._faults or not self._latch:
                self._faults[source] = reason
            self._gone.discard(source)
            self._running = False
        elif source in self._faults:
            self._gone.add(source)
            if not self._latch:
                self.reset()

    def reset(self) -> None:
        """Forget faults whose cause is gone."""
        for source in self._gone:
            del self._faults[source]
        self._gone.clear()

    def stop(self, reason: str) -> None:
        """No parts are inspected until ``resume``."""
        self._stopped = reason
        self._running = False

    def resume(self) -> None:
        """Inspect again."""
        self._stopped = None

    @property
    def is_stopped(self) -> bool:
        """Whether somebody stopped it."""
        return self._stopped is not None

    @property
    def latched(self) -> str | None:
        """The reason of a fault that is over but not reset, or None: no part passes meanwhile."""
        return next((self._faults[source] for source in sorted(self._gone)), None)

    @property
    def current(self) -> tuple[State, str | None]:
        """The state and its reason."""
        if self._stopped is not None:
            return "stopped", self._stopped
        if self._faults:
            source = next((s for s in self._faults if s not in self._gone), None)
            if source is not None:
                return "fault", self._faults[source]
            return "fault", f"{self.latched}; over, waits for a reset"
        if not self._started:
            return "starting", None
        return ("running" if self._running else "ready"), None
