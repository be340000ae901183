"""The trial of a new bundle: pure, from what became of its first frames."""


class Canary:
    """Is over after ``frames`` frames; has failed with the ``faults``-th fault among them."""

    def __init__(self, *, frames: int, faults: int) -> None:
        self._frames = frames
        self._faults = faults
        self._seen = 0
        self._failed = 0

    def note(self, *, failed: bool) -> None:
        """Take note of one frame's result."""
        if not self.is_over:
            self._seen += 1
            self._failed += failed

    @property
    def has_failed(self) -> bool:
        """True if the last bundle must come back."""
        return self._failed >= self._faults

    @property
    def is_over(self) -> bool:
        """True if nothing more can come of it."""
        return self.has_failed or self._seen >= self._frames

    def __str__(self) -> str:
        return f"{self._failed} of its first {self._seen} frames were faults"
