"""Trigger for parts that the camera itself sees crossing a line in the picture.

A narrow strip across the belt is compared with its empty state. A part begins when enough of the strip is
covered, and ends when hardly any is: two thresholds, so that noise and dust make no parts. Between two
frames neither a part nor the gap after it may cross the line unseen: the belt must not move further from
one frame to the next than the shorter of the two is long. Anything that stays on the line longer than a
part can is taken for several that touch: the first is inspected, the others count as unseen.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.core.errors import ImageError
from edge.core.frame import Frame
from edge.core.images import Image
from edge.settings.trigger import LineCrossingSettings
from edge.trigger.trigger import Observer, P, PartFrame, Trigger

Profile = NDArray[np.float32]

SAMPLES = 64
_ADAPTS_BY = np.float32(0.05)


class LineStrip:
    """The strip across the belt, compared with its empty state."""

    def __init__(self, settings: LineCrossingSettings) -> None:
        self._settings = settings
        self._learned: list[Profile] = []
        self._empty: Profile | None = None

    def covered(self, image: Image) -> float | None:
        """Return the covered share, 0 to 1, of an image (H, W) or (H, W, 3) uint8; None while learning.

        Raises ImageError if the region reaches beyond the picture.
        Uncovered places keep adapting, so that slow changes of the light are no parts.
        """
        strip = self._strip(image)
        if self._empty is None:
            self._learned.append(strip)
            if len(self._learned) == self._settings.learn_frames:
                self._empty = np.median(self._learned, axis=0).astype(np.float32)
                self._learned.clear()
            return None
        difference = strip - self._empty
        is_covered = np.abs(difference) > self._settings.contrast
        if not is_covered.all():
            # Light changes all of the strip: what is hidden follows what can be seen.
            drift = np.where(is_covered, difference[~is_covered].mean(), difference)
            self._empty += _ADAPTS_BY * drift.astype(np.float32)
        return float(is_covered.mean())

    def forget(self) -> None:
        """Learn the empty strip again."""
        self._learned.clear()
        self._empty = None

    def _strip(self, image: Image) -> Profile:
        settings = self._settings
        if settings.region is not None:
            r = settings.region
            image = image[r.y : r.y + r.height, r.x : r.x + r.width]
            if image.shape[:2] != (r.height, r.width):
                raise ImageError("trigger.region: reaches beyond the picture")
        along = image.shape[1] if settings.direction in ("right", "left") else image.shape[0]
        share = (
            settings.line_position if settings.direction in ("right", "down") else 1 - settings.line_position
        )
        width = max(1, along // 50)
        first = min(along - width, max(0, round(share * along) - width // 2))
        if settings.direction in ("right", "left"):
            strip = image[:, first : first + width]
        else:
            strip = image[first : first + width].swapaxes(0, 1)
        if strip.ndim == 3:
            strip = strip.mean(axis=2)
        across = strip.astype(np.float32).mean(axis=1, keepdims=True)
        return np.asarray(cv2.resize(across, (1, SAMPLES), interpolation=cv2.INTER_AREA), np.float32)[:, 0]


class LineCrossing(Trigger[P]):
    """Reports one part for each crossing of the line, with the frame in which the part reached it."""

    def __init__(self, observer: Observer[P], settings: LineCrossingSettings) -> None:
        self._observer = observer
        self._settings = settings
        self._line = LineStrip(settings)
        self._last: float | None = None
        self._watching = False
        self._since: float | None = None  # since when something covers the line
        self._part: P | None = None
        self._given = 0
        self._broken: list[PartFrame[P]] = []  # the end of a part of which frames were lost
        self._trouble: str | None = None

    @property
    def trouble(self) -> str | None:
        """Reason why parts may pass unseen, or None."""
        return self._trouble

    def begin(self, now: float) -> None:
        """Do nothing: watching begins once a frame shows the line empty."""

    def end(self, now: float) -> None:  # noqa: ARG002
        """Stop watching; a part on the line is a fault."""
        self.interrupt()

    def take(self, frame: Frame) -> list[PartFrame[P]]:
        """Return the frame if a part reached the line in it, or needs more frames.

        A frame with a fault does not show the line: parts may pass unseen, and a part on the line is a fault.
        """
        if frame.fault is not None:
            self.interrupt()
            return self._end_broken()
        if self._last is not None and frame.captured - self._last > self._settings.max_pause_ms / 1000:
            self.interrupt()
        self._last = frame.captured
        try:
            covered = self._line.covered(frame.image)
        except ImageError as error:
            self.interrupt()
            self._trouble = str(error)
            return self._end_broken()
        part_frames = self._end_broken()
        if covered is None:
            return part_frames
        if self._since is None and covered >= self._settings.covered_from:
            self._since = frame.captured
            if self._watching:
                self._part, self._given = self._observer.expect(None, frame.captured), 0
        elif covered <= self._settings.clear_at:
            part_frames += self._clear(frame.captured)
        elif self._since is not None:
            self._notice_long(self._since, frame.captured)
        if self._part is not None:
            part_frames.append(self._give(self._part, frame))
        return part_frames

    def overdue(self, now: float) -> list[PartFrame[P]]:  # noqa: ARG002  the protocol's signature
        """Return the part that was on the line when frames were lost, if there is one."""
        return self._end_broken()

    def interrupt(self) -> None:
        """Report that parts may pass unseen until the line is seen empty again."""
        if self._watching and self._last is not None:
            self._observer.unwatch(self._last)
        self._watching = False
        self._since = None
        self._last = None
        if self._part is not None:
            self._part.trouble = (
                f"only {self._given} of {self._settings.frames} frames of this part are whole"
            )
            self._broken.append(PartFrame(self._part, None))
            self._part = None

    def _end_broken(self) -> list[PartFrame[P]]:
        part_frames, self._broken = self._broken, []
        return part_frames

    def _clear(self, now: float) -> list[PartFrame[P]]:
        self._since = self._trouble = None
        if not self._watching:
            self._watching = True
            self._observer.watch(now)
        if self._part is None:
            return []
        part_frame, self._part = PartFrame(self._part, None), None
        return [part_frame]

    def _give(self, part: P, frame: Frame) -> PartFrame[P]:
        self._given += 1
        is_last = self._given >= self._settings.frames
        if is_last:
            self._part = None
        return PartFrame(part, frame, is_last)

    def _notice_long(self, since: float, now: float) -> None:
        """Stop watching when the line is covered too long for one part, which hides those behind it."""
        settings = self._settings
        longest_s = settings.longest_ms / 1000
        if self._watching and now - since > (longest_s or settings.blocked_s):
            self._observer.unwatch(since + longest_s)
            self._watching = False
        if now - since > settings.blocked_s:
            self._trouble = f"the line has been covered for {now - since:.0f} s"

    def reset(self) -> None:
        """Learn the empty strip again, if there is trouble."""
        if self._trouble is None:
            return
        self.interrupt()
        self._line.forget()
        self._trouble = None
