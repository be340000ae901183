"""Whose thresholds int8 has: the run's, unless with its own ones it says more often what float says."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.core.bundle.bundle import Photographs
from edge.core.decision import Thresholds, decide
from edge.core.metrics import compute_metrics
from edge.core.preprocess import InputSpec
from edge.core.thresholds import Costs, ThresholdRule
from quantize.decisions import Side
from quantize.int8_thresholds import choose_thresholds
from quantize.run import HeldOutFile, Run, RunResults

FLOAT = np.array([0.10, 0.20, 0.30, 0.60, 0.70, 0.80])  # three OK parts, three defects
MIDDLE = float(1 / (1 + np.exp(-(np.log(0.3 / 0.7) + np.log(0.6 / 0.4)) / 2)))
THRESHOLDS = Thresholds(ok_below=MIDDLE, defect_from=MIDDLE, chosen="in training")
ALL_HIGHER = np.array([0.30, 0.40, 0.50, 0.80, 0.90, 0.95])  # int8 calls the third OK part a defect


def side(scores: NDArray[np.float64]) -> Side:
    return Side(scores, np.stack([1 - scores, scores], axis=1))


def run(rule: ThresholdRule | None, *, defects: int = 3) -> Run:
    labels = ["ok"] * (len(FLOAT) - defects) + ["defect"] * defects
    return Run(
        format=1,
        task="binary",
        classes=["ok", "defect"],
        ok_class="ok",
        input=InputSpec(width=16, height=16, channels=1),
        thresholds=THRESHOLDS,
        threshold_rule=rule,
        model_name="toy",
        data="",
        photographs=Photographs(train={}, validation={}, fingerprint=""),
        train=[],
        held_out=[
            HeldOutFile(
                file=f"{number}.png",
                label=label,
                group=number,
                score=score,
                verdict=decide(score, THRESHOLDS),
                predicted="defect" if score > 0.5 else "ok",
            )
            for number, (label, score) in enumerate(zip(labels, FLOAT.tolist(), strict=True))
        ],
        split="",
        training={},
        versions={},
        results=RunResults(
            held_out=compute_metrics([], task="binary", classes=["ok", "defect"], ok_class="ok")
        ),
    )


BY_VALIDATION = ThresholdRule(by_validation=True)


def test_a_rule_that_finds_the_flipped_part_again_gives_the_bundle_its_threshold() -> None:
    thresholds, found = choose_thresholds(side(FLOAT), side(ALL_HIGHER), run(BY_VALIDATION))
    assert found is not None
    assert found.is_taken
    assert (found.run.flips_outside, found.int8.flips_outside) == (1, 0)
    assert (found.run.overkill, found.int8.overkill) == (1, 0)
    assert found.float32 == pytest.approx((MIDDLE, MIDDLE))
    assert 0.5 < thresholds.defect_from == found.int8.defect_from < 0.8
    assert "int8" in thresholds.chosen


def test_thresholds_of_parts_that_were_held_out_in_training_stay() -> None:
    given = run(ThresholdRule(by_validation=False))
    thresholds, found = choose_thresholds(side(FLOAT), side(ALL_HIGHER), given)
    assert (thresholds, found) == (given.thresholds, None)


def test_where_int8_changes_nothing_the_thresholds_stay() -> None:
    given = run(BY_VALIDATION)
    thresholds, found = choose_thresholds(side(FLOAT), side(FLOAT + 0.01), given)
    assert thresholds == given.thresholds
    assert found is not None
    assert not found.is_taken


def test_a_threshold_that_lets_a_defect_escape_anew_is_not_taken() -> None:
    two_ok_parts_over_a_defect = np.array([0.10, 0.75, 0.76, 0.60, 0.80, 0.90])
    thresholds, found = choose_thresholds(side(FLOAT), side(two_ok_parts_over_a_defect), run(BY_VALIDATION))
    assert found is not None
    assert (found.run.flips, found.int8.flips) == (2, 1)
    assert (found.run.escapes_new, found.int8.escapes_new) == (0, 1)
    assert thresholds == run(BY_VALIDATION).thresholds


def test_a_band_that_is_wide_enough_to_hide_a_flip_is_not_taken() -> None:
    dear = ThresholdRule(costs=Costs(escape=1, overkill=1000, defect_rate=0.5), by_validation=True)
    crossed = np.array([0.10, 0.20, 0.75, 0.60, 0.80, 0.90])
    thresholds, found = choose_thresholds(side(FLOAT), side(crossed), run(dear))
    assert found is not None
    assert (found.run.flips_outside, found.int8.flips_outside) == (1, 0)
    assert found.int8.flips > found.run.flips
    assert thresholds == run(dear).thresholds


@pytest.mark.parametrize("rule", [None, BY_VALIDATION, ThresholdRule(max_escape_rate=0.01)])
def test_without_a_rule_or_with_too_few_parts_for_it_there_is_nothing_to_compare(
    rule: ThresholdRule | None,
) -> None:
    given = run(rule, defects=0 if rule is BY_VALIDATION else 3)
    assert choose_thresholds(side(FLOAT), side(ALL_HIGHER), given) == (given.thresholds, None)


def test_with_several_classes_thresholds_flip_nothing_and_stay() -> None:
    given = run(BY_VALIDATION).model_copy(update={"task": "classes"})
    higher = replace(side(ALL_HIGHER), probabilities=side(FLOAT).probabilities)
    assert choose_thresholds(side(FLOAT), higher, given)[0] == given.thresholds
