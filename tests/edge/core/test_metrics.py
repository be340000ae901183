"""The figures of labelled inspections."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.decision import Verdict
from edge.core.metrics import Labelled, area_under_roc, compute_metrics, wilson_interval

INSPECTIONS = st.lists(
    st.builds(
        Labelled,
        st.sampled_from(["ok", "bad"]),
        st.sampled_from(list(Verdict)),
        st.sampled_from(["ok", "bad"]),
        st.floats(0, 1),
    ),
    max_size=30,
)


def test_a_worked_example() -> None:
    truth = [
        ("ok", Verdict.OK, 0.1),
        ("ok", Verdict.UNSURE, 0.5),
        ("ok", Verdict.DEFECT, 0.9),
        ("bad", Verdict.OK, 0.2),
        ("bad", Verdict.DEFECT, 0.8),
        ("bad", Verdict.FAULT, None),
    ]
    metrics = compute_metrics(
        [Labelled(label, verdict, None, score) for label, verdict, score in truth],
        task="binary",
        classes=["ok", "bad"],
        ok_class="ok",
    )
    assert (metrics.images, metrics.correct, metrics.escapes, metrics.overkill) == (6, 3, 1, 2)
    assert (metrics.unsure, metrics.fault) == (1, 1)
    assert metrics.accuracy == pytest.approx(0.5)
    assert metrics.balanced_accuracy == pytest.approx((1 / 3 + 2 / 3) / 2)
    assert metrics.confusion == {"ok": {"ok": 1, "bad": 2}, "bad": {"ok": 1, "bad": 2}}
    assert metrics.auroc == pytest.approx(3 / 6)


@given(INSPECTIONS)
def test_for_two_classes_an_image_is_right_an_escape_or_overkill(inspections: list[Labelled]) -> None:
    metrics = compute_metrics(inspections, task="binary", classes=["ok", "bad"], ok_class="ok")
    assert metrics.correct + metrics.escapes + metrics.overkill == metrics.images


def test_accuracy_of_several_classes_is_of_the_class() -> None:
    inspections = [
        Labelled("crack", Verdict.DEFECT, "stain", 0.9),
        Labelled("stain", Verdict.DEFECT, "stain", 0.9),
        Labelled("ok", Verdict.FAULT, None, None),
    ]
    metrics = compute_metrics(inspections, task="classes", classes=["ok", "crack", "stain"], ok_class="ok")
    assert (metrics.correct, metrics.escapes, metrics.overkill) == (1, 0, 1)
    assert metrics.confusion["ok"]["fault"] == 1


def test_the_interval_is_wilsons() -> None:
    low, high = wilson_interval(98, 100)
    assert low == pytest.approx(0.9300, abs=1e-4)
    assert high == pytest.approx(0.9945, abs=1e-4)


@given(st.integers(0, 500), st.integers(1, 500))
def test_the_interval_holds_the_share(successes: int, trials: int) -> None:
    successes = min(successes, trials)
    low, high = wilson_interval(successes, trials)
    assert low is not None
    assert high is not None
    assert low <= successes / trials + 1e-12
    assert high >= successes / trials - 1e-12


def test_the_area_counts_ties_half() -> None:
    assert area_under_roc([0.5, 0.9], [0.5, 0.1]) == pytest.approx(3.5 / 4)
    assert area_under_roc([], [0.5]) is None
