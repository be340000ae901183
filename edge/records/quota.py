"""What an archive holds, and which of it has to go: pure, in bytes and wall-clock seconds."""

import heapq
from dataclasses import dataclass

MAX_ENTRIES = 200_000


@dataclass(frozen=True, order=True)
class Entry:
    """One archived inspection; ``name`` is where it lies, and breaks ties of time."""

    at: float
    name: str
    size: int
    is_ok: bool


class Quota:
    """At most so many bytes, no older than so much: what is ok goes first, and of that the oldest."""

    def __init__(self, *, max_bytes: int, max_age_s: float, max_entries: int = MAX_ENTRIES) -> None:
        self._max_bytes = max_bytes
        self._max_age_s = max_age_s
        self._max_entries = max_entries
        self._ok: list[Entry] = []
        self._others: list[Entry] = []
        self.bytes = 0

    @property
    def entries(self) -> int:
        """How many there are."""
        return len(self._ok) + len(self._others)

    def add(self, entry: Entry) -> None:
        """Something lies there now."""
        heapq.heappush(self._ok if entry.is_ok else self._others, entry)
        self.bytes += entry.size

    def has_room_for(self, entry: Entry) -> bool:
        """Whether it may come now."""
        return self.bytes + entry.size <= self._max_bytes and self.entries < self._max_entries

    def next_to_go(self, now: float | None, coming: Entry | None = None) -> Entry | None:
        """Take out one that is too old, or must go before another may come; None if there is none.

        Without ``now`` nothing is too old. For something ok only what is ok goes.
        """
        for entries in (self._ok, self._others):
            if now is not None and entries and entries[0].at < now - self._max_age_s:
                return self._take(entries)
        if coming is None or coming.size > self._max_bytes or self.has_room_for(coming):
            return None
        entries = self._ok if self._ok or coming.is_ok else self._others
        return self._take(entries) if entries else None

    def _take(self, entries: list[Entry]) -> Entry:
        entry = heapq.heappop(entries)
        self.bytes -= entry.size
        return entry
