"""Which part of the daemon gives no sign of life any more: pure, by the times that it is told."""

import math


class Heartbeat:
    """Signs by name, and when each was last seen; none is missed before it was looked for."""

    def __init__(self) -> None:
        self._signs: dict[str, tuple[float, float]] = {}

    def check(self, name: str, now: float, *, seen: bool, limit_s: float) -> None:
        """True if a sign is there at the monotonic time ``now``; without it for ``limit_s`` it is missed."""
        last, _ = self._signs.get(name, (now, limit_s))
        self._signs[name] = (now if seen else last, limit_s)

    def missed(self, now: float) -> str | None:
        """The sign that has been missing the longest, in words, or None."""
        name, (last, limit_s) = min(
            self._signs.items(), key=lambda sign: sign[1][0] + sign[1][1], default=("", (now, math.inf))
        )
        return f"no sign of life of {name} for {now - last:.0f} s" if now - last > limit_s else None


class Flow:
    """Notices that parts no longer become verdicts, from the counts of both."""

    def __init__(self) -> None:
        self._begun = self._decided = 0

    def goes_on(self, begun: int, decided: int) -> bool:
        """True where a verdict came since the last call, or no part has begun since the last verdict."""
        is_new = decided != self._decided
        if is_new:
            self._begun, self._decided = begun, decided
        return is_new or begun == self._begun
