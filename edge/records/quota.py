"""The content of an archive, and which of it has to go: pure, in bytes and wall-clock seconds."""

from bisect import bisect_left, insort
from dataclasses import dataclass
from operator import attrgetter

from edge.records.ages import leap

MAX_ENTRIES = 200_000
_AHEAD_S = 86400.0
_AT = attrgetter("at")


@dataclass(frozen=True, order=True)
class Entry:
    """One archived inspection; ``name`` is where it lies, and breaks ties of time."""

    at: float
    name: str
    size: int
    is_ok: bool


class Quota:
    """At most so many bytes, no older than so much: what is ok goes first, and of that the oldest.

    What is of a day that has not come yet was archived while the clock was wrong, and goes as the oldest.
    """

    def __init__(self, *, max_bytes: int, max_age_s: float, max_entries: int = MAX_ENTRIES) -> None:
        self._max_bytes = max_bytes
        self._max_age_s = max_age_s
        self._max_entries = max_entries
        self._ok: list[Entry] = []
        self._others: list[Entry] = []
        self.bytes = 0

    @property
    def entries(self) -> int:
        """The number of entries."""
        return len(self._ok) + len(self._others)

    def add(self, entry: Entry) -> None:
        """Something lies there now."""
        insort(self._ok if entry.is_ok else self._others, entry)
        self.bytes += entry.size

    def has_room_for(self, entry: Entry) -> bool:
        """True if it may come now."""
        return self.bytes + entry.size <= self._max_bytes and self.entries < self._max_entries

    def next_to_go(self, now: float | None, coming: Entry | None = None) -> Entry | None:
        """Take out one that is too old, or must go before another may come; None if there is none.

        Without ``now`` nothing is too old, nor where the clock went far ahead at once. For something ok only
        what is ok goes.
        """
        if now is not None and not self._leaps(now):
            for entries in (self._ok, self._others):
                if entries and entries[0].at < now - self._max_age_s:
                    return self._take(entries, 0)
        if coming is None or coming.size > self._max_bytes or self.has_room_for(coming):
            return None
        entries = self._ok if self._ok or coming.is_ok else self._others
        if not entries:
            return None
        return self._take(entries, -1 if now is not None and entries[-1].at > now + _AHEAD_S else 0)

    def _leaps(self, now: float) -> bool:
        """True if the clock leapt between the latest that is too old and the earliest that is not."""
        limit = now - self._max_age_s
        before, after = float("-inf"), now
        for entries in (self._ok, self._others):
            first = bisect_left(entries, limit, key=_AT)
            before = max(before, entries[first - 1].at) if first else before
            after = min(after, entries[first].at) if first < len(entries) else after
        return before >= 0 and leap(before, after) is not None

    def _take(self, entries: list[Entry], which: int) -> Entry:
        entry = entries.pop(which)
        self.bytes -= entry.size
        return entry
