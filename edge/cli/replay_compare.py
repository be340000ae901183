"""Two bundles on the same stored pictures: what one decides otherwise, and which of them is right."""

from dataclasses import dataclass
from typing import Any

from edge.cli.replay import Record, Replay
from edge.core.metrics import exact_mcnemar


@dataclass(frozen=True)
class Comparison:
    """A replay beside that of another bundle.

    ``differing``: pairs of inspections with another verdict or class. ``only_first``, ``only_other``: of
    those whose truth is known, how many the first alone, and the other alone, had right.
    """

    other: Replay
    differing: list[tuple[Record, Record]]
    only_first: int
    only_other: int

    @property
    def p_value(self) -> float:
        """The chance that two bundles that are equally good differ so much or more (exact McNemar test)."""
        return exact_mcnemar(self.only_first, self.only_other)

    def document(self) -> dict[str, Any]:
        """``compared`` in the document of `edge --replay --json`."""
        known = self.other.metrics is not None
        return {
            **{key: self.other.document()[key] for key in ("model", "verdicts", "latency_ms", "labelled")},
            "only_first_right": self.only_first if known else None,
            "only_other_right": self.only_other if known else None,
            "p_value": self.p_value if known else None,
            "differing": [{**first.document(), "other": _said(other)} for first, other in self.differing],
        }


def compare(first: Replay, other: Replay) -> Comparison:
    """Match the inspections of the same pictures, which were read in the same order."""
    pairs = list(zip(first.inspections, other.inspections, strict=True))
    wrong_first, wrong_other = {id(one) for one in first.wrong}, {id(one) for one in other.wrong}
    fates = [(id(ours) not in wrong_first, id(theirs) not in wrong_other) for ours, theirs in pairs]
    return Comparison(
        other,
        [
            (ours, theirs)
            for ours, theirs in pairs
            if (ours.verdict, ours.predicted) != (theirs.verdict, theirs.predicted)
        ],
        only_first=fates.count((True, False)),
        only_other=fates.count((False, True)),
    )


def in_words(found: Comparison) -> str:
    """A line for the summary."""
    images, metrics = len(found.other.inspections), found.other.metrics
    line = f"the other bundle decides {len(found.differing)} of {images} images otherwise"
    if metrics is None:
        return line
    return (
        f"{line}; {metrics.correct} of {metrics.images} labelled images right, "
        f"{metrics.escapes} escapes, {metrics.overkill} overkill; right alone: it {found.only_other}, "
        f"this one {found.only_first} (exact McNemar test: p = {found.p_value:.2g})"
    )


def _said(record: Record) -> dict[str, Any]:
    return {key: record.document()[key] for key in ("verdict", "class", "score")}
