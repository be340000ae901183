"""How many pictures a command saw, used and left out, and why: the same words for every command."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edge.core.photographs.listing import LeftOut
from edge.core.words import counted

_SHOWN = 6  # reasons, in a line for people


@dataclass(frozen=True)
class Census:
    """``used``: pictures that count; ``without_truth``: how many of these nobody said what they show."""

    used: int
    left_out: Sequence[LeftOut]
    without_truth: int = 0

    @property
    def seen(self) -> int:
        """All that was there."""
        return self.used + sum(one.count for one in self.left_out)

    @property
    def reasons(self) -> dict[str, int]:
        """How many were left out for each reason, the most frequent first."""
        counts: Counter[str] = Counter()
        for one in self.left_out:
            counts[one.reason] += one.count
        return dict(counts.most_common())

    def document(self) -> dict[str, Any]:
        """The ``files`` of a command's JSON document."""
        return {
            "seen": self.seen,
            "used": self.used,
            "left_out": self.seen - self.used,
            "reasons": self.reasons,
            "without_truth": self.without_truth,
        }

    def __str__(self) -> str:
        parts = [f"{counted(self.seen, 'file')} seen, {self.used} used"]
        if self.without_truth:
            parts[0] += f" ({self.without_truth} of them without a known truth)"
        reasons = self.reasons
        words = [f"{reason} ({count})" for reason, count in list(reasons.items())[:_SHOWN]]
        if rest := sum(list(reasons.values())[_SHOWN:]):
            words.append(f"other reasons ({rest})")
        parts.append(f"{self.seen - self.used} left out" + (f": {'; '.join(words)}" if words else ""))
        return ", ".join(parts)
