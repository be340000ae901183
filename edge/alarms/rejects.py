"""Alarms for too many rejects: in a row, or against the usual rate. Pure; parts come in one by one."""

from edge.core.tail_probabilities import Expectation, KnownShare, LearnedShare, first_unlikely_count

_USUAL = 0.05  # a window that is no less likely than this on either side ends the alarm


class RejectsInRow:
    """Alarm after ``limit`` rejected parts in a row; over when as many in a row passed."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rejected = 0
        self._passed = 0
        self.trouble: str | None = None

    def add(self, *, rejected: bool) -> None:
        """Add the next part."""
        self._rejected = self._rejected + 1 if rejected else 0
        self._passed = 0 if rejected else self._passed + 1
        if self._rejected == self._limit and self.trouble is None:
            self.trouble = f"{self._limit} parts in a row were rejected (alarms.rejects_in_row)"
        elif self._passed >= self._limit:
            self.trouble = None


class RejectRate:
    """The count of rejects in each window of parts against its control limits.

    A p-chart (W. A. Shewhart, Economic Control of Quality of Manufactured Product, 1931) with exact limits
    in place of three standard deviations, which are wrong for the few rejects of a good line: a window is
    out of them, above or below, with a chance of at most ``false_alarms`` while nothing changes. A count
    that is out before its window is full stays out, and raises the alarm at once. Over when a whole window
    is usual again.

    ``expected`` is the share of rejects, 0 to 1; None learns it from the first ``learn`` parts.
    """

    def __init__(self, *, window: int, false_alarms: float, expected: float | None, learn: int) -> None:
        self._window = window
        self._false_alarms = false_alarms
        self._learn = learn
        self._parts = 0
        self._rejects = 0
        self._expected: Expectation | None = None
        self.trouble: str | None = None
        if expected is not None:
            self._expect(KnownShare(expected))

    def add(self, *, rejected: bool) -> None:
        """Add the next part."""
        self._parts += 1
        self._rejects += rejected
        if self._expected is None:
            if self._parts == self._learn:
                self._expect(LearnedShare(self._rejects, self._parts))
                self.begin_window()
            return
        least, most = self._limits
        if self._rejects > most or self._parts - self._rejects > self._window - least:
            self.trouble = self.trouble or self._describe(self._expected)
            self.begin_window()
        elif self._parts == self._window:
            least, most = self._usual
            if least <= self._rejects <= most:
                self.trouble = None
            self.begin_window()

    def begin_window(self) -> None:
        """Start counting from zero; the expected share stays."""
        self._parts = self._rejects = 0

    def _expect(self, expectation: Expectation) -> None:
        self._expected = expectation
        self._limits = control_limits(expectation, self._window, self._false_alarms)
        self._usual = control_limits(expectation, self._window, 2 * _USUAL)

    def _describe(self, expectation: Expectation) -> str:
        least, most = self._limits
        return (
            f"{self._rejects} of {self._parts} parts were rejected; with {expectation.describe()} expected, "
            f"{least} to {most} of {self._window} are usual (alarms.rate_window)"
        )


def control_limits(expectation: Expectation, window: int, chance: float) -> tuple[int, int]:
    """Return the least and most rejects of a window; each is exceeded with at most half of ``chance``."""
    most = first_unlikely_count(expectation, window, chance / 2) - 1
    least = window - (first_unlikely_count(expectation.opposite(), window, chance / 2) - 1)
    return least, most
