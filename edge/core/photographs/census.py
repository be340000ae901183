"""Counts of pictures seen, used and left out, and why: the same words for every command."""

from collections import Counter
from collections.abc import Iterable
from typing import Self

from pydantic import BaseModel, ConfigDict

from edge.core.photographs.listing import HEATMAPS, MASKS, LeftOut
from edge.core.words import counted

_SHOWN = 12  # reasons, in a line for people


class Census(BaseModel):
    """``reasons``: how many were left out for each.

    ``without_truth``: of how many of ``used`` nobody says what they show.
    """

    model_config = ConfigDict(frozen=True)

    seen: int
    used: int
    left_out: int
    reasons: dict[str, int]
    without_truth: int = 0

    @classmethod
    def of(cls, used: int, left_out: Iterable[LeftOut], *, without_truth: int = 0) -> Self:
        """Count what was left out, the most frequent reason first."""
        counts: Counter[str] = Counter()
        for one in left_out:
            counts[one.reason] += one.count
        total = counts.total()
        return cls(
            seen=used + total,
            used=used,
            left_out=total,
            reasons=dict(counts.most_common()),
            without_truth=without_truth,
        )

    def __add__(self, other: "Census") -> "Census":
        """Those of two folders together."""
        return Census(
            seen=self.seen + other.seen,
            used=self.used + other.used,
            left_out=self.left_out + other.left_out,
            reasons=dict((Counter(self.reasons) + Counter(other.reasons)).most_common()),
            without_truth=self.without_truth + other.without_truth,
        )

    @property
    def is_short_of_pictures(self) -> bool:
        """True if anything but masks and heatmaps was left out."""
        return self.left_out > self.reasons.get(MASKS, 0) + self.reasons.get(HEATMAPS, 0)

    def __str__(self) -> str:
        truth = f" ({self.without_truth} of them without a known truth)" if self.without_truth else ""
        return f"{counted(self.seen, 'file')} seen, {self.used} used{truth}, {self.in_words()}"

    def in_words(self) -> str:
        """The number left out and the reasons, in words."""
        words = [f"{reason} ({count})" for reason, count in list(self.reasons.items())[:_SHOWN]]
        if rest := sum(list(self.reasons.values())[_SHOWN:]):
            words.append(f"other reasons ({rest})")
        return f"{self.left_out} left out" + (f": {'; '.join(words)}" if words else "")
