"""Small pictures of a replay for people: its worst mistakes, and what lies nearest to a threshold."""

import heapq
from dataclasses import dataclass

from edge.cli.replay import Record, is_wrong
from edge.core.decision import Verdict
from edge.core.errors import ImageError
from edge.core.html_page import small
from edge.core.images import Image
from edge.inspection.heat import heatmap_of
from edge.inspection.heat_picture import lay_heat_on
from edge.inspection.inspector import Inspection, Inspector

MOST = 24
_Kept = list[tuple[float, int, "Picture"]]


@dataclass(frozen=True)
class Picture:
    """An inspection in small: its picture, and beside it the same with its heatmap, where there is one."""

    record: Record
    images: list[Image]


class Gallery:
    """Takes each inspection of a replay by ``look``, and keeps the pictures of a few."""

    def __init__(self, inspector: Inspector) -> None:
        self._inspector = inspector
        self._escapes: _Kept = []
        self._mistakes: _Kept = []
        self._borderline: _Kept = []
        self._seen = 0

    @property
    def escapes(self) -> list[Picture]:
        """Defects that passed as ok, the farthest from the threshold first."""
        return [picture for _, _, picture in sorted(self._escapes, reverse=True)]

    @property
    def mistakes(self) -> list[Picture]:
        """The other inspections that are wrong, in the same order."""
        return [picture for _, _, picture in sorted(self._mistakes, reverse=True)]

    @property
    def borderline(self) -> list[Picture]:
        """Inspections whose score is nearest to a threshold, the nearest first; no mistakes."""
        return [picture for _, _, picture in sorted(self._borderline, reverse=True)]

    def look(self, inspection: Inspection, record: Record) -> None:
        """Keep a small copy of the picture, if this is one of those."""
        self._seen += 1
        distance = self._distance(record.score)
        if is_wrong(record, self._inspector.manifest):
            kept = self._escapes if record.verdict == Verdict.OK else self._mistakes
            self._keep(kept, distance, inspection, record)
        elif record.score is not None:
            self._keep(self._borderline, -distance, inspection, record)

    def _distance(self, score: float | None) -> float:
        if score is None:
            return 1.0
        cut = self._inspector.thresholds
        return min(abs(score - cut.ok_below), abs(score - cut.defect_from))

    def _keep(self, kept: _Kept, weight: float, inspection: Inspection, record: Record) -> None:
        if len(kept) == MOST and weight <= kept[0][0]:
            return
        picture = Picture(record, _images(inspection, self._inspector))
        heapq.heappush(kept, (weight, -self._seen, picture))
        if len(kept) > MOST:
            heapq.heappop(kept)


def _images(inspection: Inspection, inspector: Inspector) -> list[Image]:
    image = inspection.frame.image
    images = [small(image)]
    heatmap = heatmap_of(inspection, inspector)
    if heatmap is not None:
        try:
            images.append(lay_heat_on(images[0], heatmap.on_frame(image)))
        except ImageError:  # the part is not found again
            return images
    return images
