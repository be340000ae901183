"""A second bundle that is shown the same parts: where would it decide otherwise? The gate never hears."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import SimpleQueue

from edge.core.frame import Frame
from edge.inspection.inspector import Inspection, Inspector, fault
from edge.inspection.voting import Vote, vote
from edge.outputs.events import Disagreement
from edge.outputs.statistics import ShadowStatistics

logger = logging.getLogger(__name__)
TOLD_EVERY_S = 1.0


@dataclass(frozen=True)
class Shown:
    """A part that was decided: its frames, how they vote, and what decided what."""

    part: str
    id: str
    frames: Sequence[Frame]
    how: Vote
    decided: Inspection
    bundle_sha256: str


class Shadow:
    """Judges on a thread of its own what it is shown, and forgets what there is no time for."""

    def __init__(self, tell: Callable[[Disagreement], None]) -> None:
        self._tell = tell
        self._waiting: SimpleQueue[tuple[Inspector, Shown] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._inspector: Inspector | None = None
        self._most_waiting = 1
        self._dropped = 0
        self._pairs: Counter[str] = Counter()
        self._next_telling = 0.0
        self._thread = threading.Thread(target=self._run, name="shadow", daemon=True)

    def use(self, inspector: Inspector | None, *, most_waiting: int) -> None:
        """Judge with this from now on, or with nothing; counts begin again where the bundle is another."""
        before, self._inspector, self._most_waiting = self._inspector, inspector, most_waiting
        if _bundle_sha256(before) != _bundle_sha256(inspector):
            with self._lock:
                self._dropped = 0
                self._pairs.clear()

    def start(self) -> None:
        """Begin to judge."""
        self._thread.start()

    def stop(self) -> None:
        """End; what waits is forgotten."""
        self._inspector = None
        self._waiting.put(None)
        if self._thread.is_alive():
            self._thread.join(1.0)

    def wants(self, inspector: Inspector) -> bool:
        """True if it is to see what this inspector decided."""
        mine = self._inspector
        return mine is not None and mine.recipe == inspector.recipe

    def show(self, shown: Shown) -> None:
        """A part was decided; returns at once."""
        inspector = self._inspector
        if inspector is None:
            return
        if self._waiting.qsize() >= self._most_waiting:
            with self._lock:
                self._dropped += 1
            return
        self._waiting.put((inspector, shown))

    @property
    def statistics(self) -> ShadowStatistics | None:
        """Its counts so far; None without a shadow."""
        inspector = self._inspector
        if inspector is None:
            return None
        with self._lock:
            pairs, dropped = dict(self._pairs), self._dropped
        disagreed = sum(count for pair, count in pairs.items() if len(set(pair.split("/"))) == 2)
        return ShadowStatistics(
            str(_bundle_sha256(inspector)),
            sum(pairs.values()),
            disagreed,
            dropped,
            dict(sorted(pairs.items())),
        )

    def _run(self) -> None:
        while (task := self._waiting.get()) is not None:
            inspector, shown = task
            if inspector is not self._inspector:
                with self._lock:
                    self._dropped += self._is_of(inspector)
                continue
            try:
                self._judge(inspector, shown)
            except Exception:  # whatever it is, the thread must not end
                logger.exception("shadow: part %s", shown.part)

    def _judge(self, inspector: Inspector, shown: Shown) -> None:
        otherwise = vote([_inspect(inspector, frame) for frame in shown.frames], shown.how, inspector)
        with self._lock:
            if self._is_of(inspector):
                self._pairs[f"{shown.decided.verdict}/{otherwise.verdict}"] += 1
        now = time.monotonic()
        if otherwise.verdict != shown.decided.verdict and now >= self._next_telling:
            self._next_telling = now + TOLD_EVERY_S
            self._tell(_disagreement(shown, otherwise, inspector))

    def _is_of(self, inspector: Inspector) -> bool:
        """True if the counts are of its bundle; another one may have come meanwhile."""
        return _bundle_sha256(inspector) == _bundle_sha256(self._inspector)


def _disagreement(shown: Shown, otherwise: Inspection, inspector: Inspector) -> Disagreement:
    return Disagreement(
        shown.id,
        shown.part,
        shown.decided.verdict,
        shown.decided.score,
        shown.bundle_sha256,
        otherwise.verdict,
        otherwise.score,
        otherwise.reason,
        inspector.model.bundle.sha256,
    )


def _inspect(inspector: Inspector, frame: Frame) -> Inspection:
    try:
        return inspector.inspect(frame)
    except Exception as error:  # whatever the runtime raises: that is what this bundle would do
        logger.debug("shadow: %s", error)
        return fault(frame, f"{type(error).__name__}: {error}")


def _bundle_sha256(inspector: Inspector | None) -> str | None:
    return None if inspector is None else inspector.model.bundle.sha256
