"""Weights in whole steps: each outcome nearer to the exact one than by rounding every weight alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.whole_numbers import rounding
from trainer.whole_numbers.rounding import (
    STEPS,
    Numbers,
    coarse,
    fit,
    means,
    moments,
    round_alone,
    round_together,
    step_of,
    to_few_bits,
)


def alike(samples: int, values: int, *, seed: int) -> np.ndarray:
    """Inputs (1, samples, values) of which each says something of the others."""
    chance = np.random.default_rng(seed)
    return (chance.normal(size=(samples, 4)) @ chance.normal(size=(4, values)))[np.newaxis] + chance.normal(
        0, 0.1, (1, samples, values)
    )


def covariance_of(inputs: Numbers) -> Numbers:
    return moments([(inputs, inputs[..., :1])]).covariance


@given(st.integers(0, 1000))
def test_rounding_together_says_more_nearly_the_same_than_rounding_alone(seed: int) -> None:
    inputs = alike(300, 24, seed=seed)
    weights = np.random.default_rng(seed + 1).normal(size=(1, 24, 5))
    step = np.abs(weights).max(axis=1) / STEPS
    together = round_together(weights, covariance_of(inputs), step) * step
    alone = np.round(weights / step) * step
    error = [np.square(inputs @ (rounded - weights)).mean() for rounded in (alone, together)]
    assert error[1] < error[0]


def test_the_largest_weight_of_each_output_takes_all_steps() -> None:
    inputs = alike(200, 9, seed=3)
    weights = np.random.default_rng(4).normal(size=(1, 9, 7))
    whole = round_together(weights, covariance_of(inputs), np.abs(weights).max(axis=1) / STEPS)
    assert (np.abs(whole).max(axis=1) == STEPS).all()
    assert (np.abs(whole) <= STEPS).all()
    assert (whole == np.round(whole)).all()


def test_blocks_round_as_one_row_after_the_other_does(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = alike(300, 24, seed=8)
    weights = np.random.default_rng(9).normal(size=(1, 24, 5))
    given = weights, covariance_of(inputs), np.abs(weights).max(axis=1) / STEPS
    at_once = round_together(*given)
    monkeypatch.setattr(rounding, "BLOCK", 7)
    assert np.array_equal(round_together(*given), at_once)


def test_inputs_that_never_change_are_no_trouble() -> None:
    inputs = np.zeros((2, 50, 9))
    weights = np.random.default_rng(5).normal(size=(2, 9, 1))
    whole = round_together(weights, covariance_of(inputs), np.abs(weights).max(axis=1) / STEPS)
    assert np.abs(whole - np.round(weights / np.abs(weights).max(axis=1, keepdims=True) * STEPS)).max() <= 1


def test_a_fit_makes_good_what_came_in_wrong() -> None:
    inputs = alike(400, 12, seed=6)
    weights = np.random.default_rng(7).normal(size=(1, 12, 3))
    wanted = inputs @ weights
    wrong = inputs * np.linspace(0.7, 1.3, 12)
    fitted = fit(moments([(wrong, wanted)]), weights)
    error = [np.abs((wrong - wrong.mean(1)) @ w - wanted + wanted.mean(1)).mean() for w in (weights, fitted)]
    assert error[1] < error[0] / 5


@pytest.mark.parametrize("bits", [1, 3, 5])
@given(value=st.floats(1e-20, 1e20))
def test_few_bits_are_near_and_few(bits: int, value: float) -> None:
    near = float(to_few_bits(np.array(value), bits))
    assert abs(near - value) <= value * 2.0**-bits
    mantissa, _ = np.frexp(near)
    assert mantissa * 2**bits == round(mantissa * 2**bits)


def test_alone_each_weight_is_rounded_to_the_nearest_and_the_largest_takes_all_steps() -> None:
    weights = np.array([[[0.5], [-12.9], [3.49], [-0.51]]])
    assert round_alone(weights, np.array([[0.1]])).ravel().tolist() == [5, -STEPS, 35, -5]
    assert round_alone(weights, np.array([[1.0]])).ravel().tolist() == [0, -STEPS, 3, -1]


def test_no_digit_is_finer_than_what_counts() -> None:
    step = np.array([0.2, 1.4, 6.6, 9.0, 100.0])
    assert coarse(step, 3, 1.0).tolist() == [0, 1, 7, 8, 96]


def test_moments_of_parts_are_those_of_the_whole() -> None:
    inputs, wanted = alike(90, 7, seed=1) + 100, alike(90, 2, seed=2) - 3
    parts = [(inputs[:, at : at + 40], wanted[:, at : at + 40]) for at in range(0, 90, 40)]
    found, only = moments(parts), means(parts)
    both = np.cov(np.concatenate([inputs, wanted], axis=2)[0].T, bias=True)
    assert found.mean[0] == pytest.approx(inputs[0].mean(axis=0))
    assert found.wanted[0] == pytest.approx(wanted[0].mean(axis=0))
    assert only.mean == pytest.approx(found.mean)
    assert only.wanted == pytest.approx(found.wanted)
    assert found.covariance[0] == pytest.approx(both[:7, :7], abs=1e-9)
    assert found.together[0] == pytest.approx(both[:7, 7:], abs=1e-9)


@given(st.integers(1, 300), st.integers(0, 1000))
def test_float32_adds_up_what_steps_make_in_any_order(inputs: int, seed: int) -> None:
    """Even where each input is the largest that there is, and all weights of one sign come first."""
    weights = np.random.default_rng(seed).normal(size=(1, inputs, 4)) * 10.0 ** (seed % 7 - 3)
    step = step_of(weights, 1e-30)
    digits = (np.frexp(step)[0] * 2**53).astype(int)
    odd = digits // (digits & -digits)
    whole = round_alone(weights, step)
    for sign in (1, -1):
        assert (np.maximum(sign * whole, 0).sum(axis=1) * 255 * odd <= 2**24).all()
