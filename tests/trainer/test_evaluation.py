"""Figures of decisions, with intervals."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit

from edge.core.decision import Thresholds, decide
from edge.core.thresholds import Costs
from trainer.curves import precision_recall, roc
from trainer.evaluation import Decisions, evaluate_decisions, metrics_of
from trainer.text import metrics_table

CUT = Thresholds(ok_below=0.5, defect_from=0.5)


def binary(scores: NDArray[np.floating], labels: NDArray[np.int64], groups: NDArray[np.int64]) -> Decisions:
    values = np.asarray(scores, np.float64)
    verdicts = [decide(float(score), CUT) for score in scores]
    probabilities = np.stack([1 - scores, scores], axis=1)
    files = [f"{number}.png" for number in range(len(scores))]
    taken = (scores >= 0.5).astype(np.int64)
    return Decisions(
        "binary", ["ok", "bad"], 0, files, labels, groups, probabilities, values, verdicts, taken
    )


@pytest.fixture
def found() -> Decisions:
    """200 parts of two photographs each; some are decided wrongly."""
    chance = np.random.default_rng(1)
    labels = np.repeat(np.arange(200) % 2, 2)
    scores = expit(labels * 4 - 2 + np.repeat(chance.normal(0, 1.5, 200), 2))
    return binary(scores, labels, np.repeat(np.arange(200), 2))


def test_every_figure_lies_in_its_interval_and_is_that_of_replay(found: Decisions) -> None:
    details, metrics = evaluate_decisions(found, CUT, None), metrics_of(found)
    for name, measured in details.measured.items():
        assert measured.low <= measured.value <= measured.high, name  # type: ignore[operator]
    for name in ("accuracy", "balanced_accuracy", "auroc", "macro_f1"):
        assert details.measured[name].value == pytest.approx(getattr(metrics, name))
    assert details.measured["escape_rate"].value == pytest.approx(metrics.escapes / 200)
    for name, values in metrics.per_class.items():
        one = details.per_class_measured[name]
        assert (one.precision.value, one.recall.value, one.f1.value) == pytest.approx(
            (values.precision, values.recall, values.f1)
        )


def test_areas_are_those_of_the_curves(found: Decisions) -> None:
    details = evaluate_decisions(found, CUT, None)
    is_defect = found.labels == 1
    assert details.measured["auroc"].value == pytest.approx(roc(found.scores, is_defect).area)
    area = precision_recall(found.scores, is_defect).area
    assert details.measured["average_precision"].value == pytest.approx(area)


def test_parts_with_mistakes_are_counted_and_named(found: Decisions) -> None:
    details = evaluate_decisions(found, CUT, None)
    assert details.parts == 200
    assert details.parts_with_mistakes == (~found.is_right).sum() / 2
    worst = details.worst_parts[0]
    assert (worst.images, worst.right) == (2, 0)
    assert worst.file == f"{2 * worst.part}.png"


def test_honest_probabilities_have_a_small_calibration_error_and_boastful_ones_a_large_one() -> None:
    chance = np.random.default_rng(1)
    scores = chance.uniform(0, 1, 4000)
    labels = (chance.random(4000) < scores).astype(np.int64)
    honest = evaluate_decisions(binary(scores, labels, np.arange(4000)), CUT, None)
    boasts = np.array([0.02, 0.98])[(scores >= 0.5).astype(np.int64)]
    boastful = evaluate_decisions(binary(boasts, labels, np.arange(4000)), CUT, None)
    assert honest.measured["calibration_error"].value == pytest.approx(0, abs=0.03)
    assert boastful.measured["calibration_error"].value == pytest.approx(0.23, abs=0.03)
    assert honest.measured["brier"].value == pytest.approx(1 / 6, abs=0.01)
    assert [one.images for one in boastful.calibration] == [(scores < 0.5).sum(), (scores >= 0.5).sum()]
    inside = [one.was.low < one.said < one.was.high for one in honest.calibration]  # type: ignore[operator]
    assert sum(inside) >= 8


def test_a_perfect_result_on_few_parts_proves_little() -> None:
    labels = np.arange(20) % 2
    scores = np.where(labels == 1, 0.9, 0.1)
    details = evaluate_decisions(binary(scores, labels, np.arange(20)), CUT, None)
    for name in ("accuracy", "balanced_accuracy", "auroc", "average_precision", "macro_f1"):
        measured = details.measured[name]
        assert measured.value == measured.high == 1
        assert 0.6 < measured.low < 0.9  # type: ignore[operator]


def test_costs_say_what_the_line_can_expect(found: Decisions) -> None:
    line = evaluate_decisions(found, CUT, Costs(escape=200, overkill=2, defect_rate=0.01)).line
    assert line is not None
    metrics = metrics_of(found)
    escaped, overkilled = metrics.escapes / 200, metrics.overkill / 200
    assert line.escapes.value == pytest.approx(10 * escaped)
    assert line.overkill.value == pytest.approx(990 * overkilled)
    assert line.cost.value == pytest.approx(200 * 10 * escaped + 2 * 990 * overkilled)
    rejected = 10 * (1 - escaped) + 990 * overkilled
    assert line.precision.value == pytest.approx(10 * (1 - escaped) / rejected)
    assert line.precision.low < line.precision.value < line.precision.high  # type: ignore[operator]
    assert (line.cost_passing_all, line.cost_rejecting_all) == pytest.approx((2000, 1980))
    assert line.decided.value == 1


def test_the_more_is_left_to_a_person_the_fewer_mistakes_are_made(found: Decisions) -> None:
    line = evaluate_decisions(found, CUT, Costs(escape=1, overkill=1, defect_rate=0.5)).line
    assert line is not None
    decided, mistakes = np.array(line.coverage_curve).T
    assert decided[-1] == pytest.approx(1)
    assert mistakes[-1] == pytest.approx((~found.is_right).mean())
    assert mistakes[len(mistakes) // 2] < mistakes[-1] / 2
    assert min(cost for _, cost in line.cost_curve) <= (line.cost.value or 0)


def test_a_class_of_few_parts_is_named(found: Decisions) -> None:
    assert evaluate_decisions(found, CUT, None).few_parts() == ""
    labels = np.repeat([0, 1, 0, 1], [50, 50, 1, 49])
    groups = np.concatenate([np.zeros(50), np.arange(1, 51), [51], np.arange(52, 101)]).astype(np.int64)
    details = evaluate_decisions(binary(0.1 + 0.8 * labels, labels, groups), CUT, None)
    assert details.few_parts().startswith("Few parts: ok (2);")


@pytest.fixture
def strangers() -> Decisions:
    """Ten OK parts, ten dents and ten of a kind that the model doesn't know, of which four pass."""
    probabilities = np.zeros((30, 3))
    probabilities[np.arange(10), 0] = 0.9
    probabilities[np.arange(10, 20), 1] = 0.9
    probabilities[np.arange(20, 24), 0] = 0.8
    probabilities[np.arange(24, 30), 2] = 0.7
    probabilities += (1 - probabilities.sum(axis=1, keepdims=True)) / 3
    scores = 1 - probabilities[:, 0]
    return Decisions(
        "classes",
        ["ok", "dent", "scratch"],
        0,
        [f"{number}.png" for number in range(30)],
        np.repeat([0, 1, 3], 10),
        np.arange(30),
        probabilities,
        scores,
        [decide(float(score), CUT) for score in scores],
        probabilities.argmax(axis=1),
        unknown_kinds=["blowhole"],
    )


def test_what_passes_of_a_kind_that_the_model_does_not_know_is_an_escape(strangers: Decisions) -> None:
    metrics, details = metrics_of(strangers), evaluate_decisions(strangers, CUT, None)
    assert (metrics.images, metrics.correct, metrics.escapes, metrics.overkill) == (30, 26, 4, 0)
    assert metrics.confusion["blowhole"] == {"ok": 4, "dent": 0, "scratch": 6}
    for name in ("accuracy", "balanced_accuracy", "auroc", "macro_f1"):
        assert details.measured[name].value == pytest.approx(getattr(metrics, name)), name
    assert details.measured["escape_rate"].value == pytest.approx(4 / 20)
    assert {one.label for one in details.worst_parts} == {"blowhole"}
    assert details.parts_with_mistakes == 4


def test_an_unknown_kind_is_named_with_how_many_there_are(strangers: Decisions) -> None:
    text = metrics_table(metrics_of(strangers), evaluate_decisions(strangers, CUT, None))
    assert "of kinds that the run does not know, where each that passes is an escape: blowhole (10)" in text


def test_those_that_pass_for_sure_are_the_worst_mistakes(strangers: Decisions) -> None:
    certainty = strangers.certainty
    assert certainty[20] == pytest.approx(strangers.scores[20])
    assert certainty[10] == pytest.approx(strangers.probabilities[10, 1])


def test_unknown_kinds_alone_are_measured_too(strangers: Decisions) -> None:
    details = evaluate_decisions(strangers.at(np.arange(20, 30)), CUT, None)
    assert details.measured["accuracy"].value == pytest.approx(0.6)
    assert "loss" not in details.measured
