"""Several frames of one part."""

from pathlib import Path

import pytest

from edge.core.decision import Thresholds, Verdict, decide
from edge.core.runtime import load_model
from edge.inspection.inspector import Inspection, Inspector, fault
from edge.inspection.voting import vote
from tests.edge.trigger.observers import frame

THRESHOLDS = Thresholds(ok_below=0.4, defect_from=0.6)


@pytest.fixture
def inspector(bundle: Path) -> Inspector:
    return Inspector(load_model(bundle, threads=1), thresholds=THRESHOLDS)


def scored(*scores: float) -> list[Inspection]:
    return [
        Inspection(frame(0.0, number), decide(score, THRESHOLDS), score, None)
        for number, score in enumerate(scores)
    ]


def test_one_frame_is_its_own_verdict(inspector: Inspector) -> None:
    (only,) = scored(0.3)
    assert vote([only], "mean", inspector) is only


def test_the_worst_frame_decides(inspector: Inspector) -> None:
    voted = vote(scored(0.1, 0.7, 0.2), "worst", inspector)
    assert (voted.verdict, voted.score, voted.frame.sequence) == (Verdict.DEFECT, 0.7, 1)


@pytest.mark.parametrize(
    ("scores", "verdict", "name"),
    [((0.1, 0.7, 0.1), Verdict.OK, "ok"), ((0.3, 0.7), Verdict.UNSURE, "defect")],
)
def test_the_mean_decides(
    inspector: Inspector, scores: tuple[float, ...], verdict: Verdict, name: str
) -> None:
    voted = vote(scored(*scores), "mean", inspector)
    assert voted.verdict == verdict
    assert voted.score == pytest.approx(sum(scores) / len(scores))
    assert (voted.frame.sequence, voted.predicted) == (1, name)


@pytest.mark.parametrize("how", ["worst", "mean"])
def test_a_frame_without_a_result_is_a_part_without_one(inspector: Inspector, how: str) -> None:
    voted = vote([*scored(0.1), fault(frame(0.0), "black"), *scored(0.1)], how, inspector)  # type: ignore[arg-type]
    assert (voted.verdict, voted.reason) == (Verdict.FAULT, "black")
