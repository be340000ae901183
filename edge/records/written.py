"""The bytes that this process gives to the disk: they wear an SD card."""

from collections import deque
from collections.abc import Callable
from pathlib import Path

HOUR_S = 3600.0
_STEP_S = 60.0


def written_by_this_process() -> int | None:
    """Bytes since its start, as the kernel counts them; None where it does not say."""
    try:
        lines = Path("/proc/self/io").read_text("ascii").splitlines()
        return int(dict(line.split(": ") for line in lines)["write_bytes"])
    except (OSError, KeyError, ValueError):
        return None


class WrittenBytes:
    """Bytes written within the last hour, or since the start if that is shorter; times are monotonic."""

    def __init__(self, count: Callable[[], int | None] = written_by_this_process) -> None:
        self._count = count
        self._noted: deque[tuple[float, int]] = deque()

    def note(self, now: float) -> None:
        """Look at the count; to be called at least once a minute, by one thread."""
        if self._noted and now - self._noted[-1][0] < _STEP_S:
            return
        count = self._count()
        if count is not None:
            self._noted.append((now, count))
        while len(self._noted) > 1 and now - self._noted[1][0] >= HOUR_S:
            self._noted.popleft()

    @property
    def remembered(self) -> int:
        """Count of the earlier counts that are kept."""
        return len(self._noted)

    @property
    def last_hour(self) -> int | None:
        """The bytes; None where the kernel does not count them."""
        count = self._count()
        if count is None:
            return None
        return count - (self._noted[0][1] if self._noted else 0)
