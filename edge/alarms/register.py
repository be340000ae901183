"""Register of alarms: each is raised once and cleared once. Pure: times come in as monotonic seconds."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from edge.settings.alarms import Alarm


@dataclass(frozen=True)
class Change:
    """An alarm that was raised or cleared; ``times`` is how often it was raised since the start."""

    alarm: Alarm
    text: str
    part: str | None
    times: int
    raised: bool


@dataclass(frozen=True)
class AlarmEvent:
    """A change with its time; the same ``id`` is the same event."""

    change: Change
    at: datetime
    id: str = field(default_factory=lambda: uuid.uuid4().hex)


@dataclass
class _Entry:
    text: str = ""
    raised: bool = False
    times: int = 0
    gone_since: float | None = None


class Register:
    """Turns present troubles into alarms.

    An alarm is raised at once, and cleared when its cause has been gone for ``clear_s`` without a break:
    a cause that comes and goes is one alarm. Those in ``off`` are never raised.
    """

    def __init__(self, *, clear_s: float, off: Collection[Alarm] = ()) -> None:
        self._clear_s = clear_s
        self._off = off
        self._entries: dict[Alarm, _Entry] = {}
        self._changes: list[Change] = []

    @property
    def raised(self) -> list[Alarm]:
        """Names of all alarms raised now, sorted."""
        return sorted(name for name, entry in self._entries.items() if entry.raised)

    def tell(self, alarm: Alarm, trouble: str | None, now: float, *, part: str | None = None) -> None:
        """Set the present trouble of an alarm, or None; ``part`` is the part that it began with."""
        entry = self._entries.setdefault(alarm, _Entry())
        if trouble is None:
            entry.gone_since = now if entry.gone_since is None else entry.gone_since
            return
        entry.gone_since = None
        if not entry.raised and alarm not in self._off:
            entry.raised, entry.text, entry.times = True, trouble, entry.times + 1
            self._changes.append(Change(alarm, trouble, part, entry.times, raised=True))

    def step(self, now: float) -> list[Change]:
        """Return the changes since the last call, in order."""
        for name, entry in self._entries.items():
            gone = entry.gone_since is not None and now - entry.gone_since >= self._clear_s
            if entry.raised and gone:
                self._clear(name, entry)
        changes, self._changes = self._changes, []
        return changes

    def end(self) -> list[Change]:
        """Clear all alarms and return the changes; for when the station stops."""
        for name, entry in self._entries.items():
            if entry.raised:
                self._clear(name, entry)
        changes, self._changes = self._changes, []
        return changes

    def _clear(self, name: Alarm, entry: _Entry) -> None:
        entry.raised = False
        self._changes.append(Change(name, f"over: {entry.text}", None, entry.times, raised=False))
