"""The station's newest part, state and alarms for whoever watches; see wire.py for what is said.

Whoever tells it anything leaves a reference and goes on. Pictures are encoded by the sender's thread, and
only while somebody watches; who does not read misses what came meanwhile, and gets the newest next.
"""

import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import cv2

from edge.alarms.register import AlarmEvent
from edge.core.errors import ImageError, JournalError
from edge.core.images import MIN_SIDE, Image, encode_png
from edge.inspection.heat import heatmap_of
from edge.outputs.events import PartInspected, StateChanged
from edge.outputs.live.sender import Sender
from edge.outputs.live.wire import NewestPart, Now, RaisedAlarm, packed, socket_file
from edge.outputs.output import Checked, Output
from edge.settings.settings import Settings

LONGEST = 1280  # pixels of the picture's longer side
_JPEG_QUALITY = 85


class LiveView(Output):
    """Offers what there is to see on a socket."""

    name = "the live view"

    def __init__(self, file: Path, *, station: str, simulated: bool, most_watchers: int) -> None:
        self._station = station
        self._simulated = simulated
        self._state: StateChanged | None = None
        self._alarms: dict[str, RaisedAlarm] = {}
        self._part: tuple[int, PartInspected | None] = (0, None)
        self._encoded: tuple[int, NewestPart | None, bytes, bytes] = (0, None, b"", b"")
        self._said: tuple[object, ...] = ()
        self._message = b""
        self.sender = Sender(file, self.newest, most_watchers=most_watchers)

    def start(self) -> None:
        """Offer it; a socket that cannot be made is tried again, for ever."""
        self.sender.start()

    def stop(self) -> None:
        """Hang up."""
        self.sender.stop()

    def state_changed(self, state: StateChanged) -> None:
        """Note it."""
        self._state = state

    def part_inspected(self, part: PartInspected) -> None:
        """Note it; the frame is not copied."""
        self._part = (self._part[0] + 1, part)

    def alarm_changed(self, event: AlarmEvent) -> None:
        """Note it."""
        change = event.change
        alarms = {name: raised for name, raised in self._alarms.items() if name != change.alarm}
        if change.raised:
            alarms[change.alarm] = RaisedAlarm(alarm=change.alarm, text=change.text, since=event.at)
        self._alarms = alarms

    def newest(self) -> bytes:
        """The message of now; the same object as before where nothing changed. For one thread."""
        state, alarms, part = now = (self._state, self._alarms, self._part)
        if len(self._said) == len(now) and all(a is b for a, b in zip(self._said, now, strict=True)):
            return self._message
        self._said = now
        if part[1] is not None and part[0] != self._encoded[0]:
            self._encoded = (part[0], about(part[1]), *_pictures(part[1]))
        number, newest, picture, heat = self._encoded
        said = Now(
            station=self._station,
            simulated=self._simulated,
            state="starting" if state is None else state.state,
            since=datetime.now(UTC) if state is None else state.since,
            reason=None if state is None else state.reason,
            recipe=None if state is None else state.recipe,
            bundle_sha256=None if state is None else state.bundle_sha256,
            alarms=tuple(alarms.values()),
            number=number,
            part=newest,
            picture_bytes=len(picture),
            heat_bytes=len(heat),
        )
        self._message = packed(said, picture, heat)
        return self._message


def about(part: PartInspected) -> NewestPart:
    """The facts of a part beside its pictures."""
    height, width = part.inspection.frame.image.shape[:2]
    thresholds = part.inspector.thresholds
    return NewestPart(
        result=part.result.model_dump(mode="json", by_alias=True),
        ok_below=thresholds.ok_below,
        defect_from=thresholds.defect_from,
        width=width,
        height=height,
        region=part.inspector.spec.region,
    )


def _pictures(part: PartInspected) -> tuple[bytes, bytes]:
    """The frame as JPEG, and where it is hot as a grey PNG; empty where there is none."""
    image, heatmap = part.inspection.frame.image, heatmap_of(part.inspection, part.inspector)
    if min(image.shape[:2]) < MIN_SIDE:
        return b"", b""
    heat = b""
    if heatmap is not None:
        with suppress(ImageError):  # the part is not found again
            heat = encode_png(heatmap.on_frame(image))
    return jpeg_of(image), heat


def jpeg_of(image: Image) -> bytes:
    """An image of uint8 as JPEG, its longer side at most LONGEST pixels; raises ImageError."""
    height, width = image.shape[:2]
    scale = min(1.0, LONGEST / max(height, width))
    if scale < 1:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    ordered = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    ok, data = cv2.imencode(".jpg", ordered, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    if not ok:
        raise ImageError("the frame cannot be encoded as JPEG")
    return data.tobytes()


def live_view(settings: Settings, *, simulated: bool) -> LiveView | None:
    """The output that the settings ask for."""
    if not settings.page.watchers:
        return None
    return LiveView(
        socket_file(Path(settings.journal.path)),
        station=settings.station.name,
        simulated=simulated,
        most_watchers=settings.page.watchers,
    )


def check_live_view(settings: Settings) -> Checked:
    """The live view's part of `edge --check`; raises JournalError where no socket could be made."""
    if not settings.page.watchers:
        return Checked("page.watchers is 0: the page shows no live picture")
    file = socket_file(Path(settings.journal.path))
    folder = next(place for place in file.parents if place.exists())
    if not os.access(folder, os.W_OK | os.X_OK):
        raise JournalError(f"journal.path: {file}: cannot be made there for the page")
    return Checked(f"a station that runs offers its newest part to the page at {file}")
