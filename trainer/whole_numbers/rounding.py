"""Weights in whole steps that together say what they said before: pure numbers, no network.

Each weight rounded by itself would be off by up to half a step, and the errors add up. Here each
one's error is made good by those that are not rounded yet, as far as what comes into the layer lets
one stand for another: Frantar et al. 2022, "GPTQ" (arXiv:2210.17323), after Hassibi and Stork 1993.

Arrays have groups of weights first: one for a plain layer, one a channel for a depthwise one. Inputs are
(G, M, n), M samples of the n values that are weighed; weights (G, n, o), of o outputs.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

STEPS = 127  # from 0 to the largest weight of an output
FINEST = 2.0**-14  # what a weight adds, in steps of the output: less would be lost beside 255 of them
_LARGEST_INPUT = 255  # steps
_LEAST_BITS, _MOST_BITS, _FLOAT32_BITS = 3, 6, 24
_PULL = 0.01  # of the mean variance: how much the given weights count beside what is to be said
_DAMPING = 0.01  # of the mean variance, where inputs hardly vary
BLOCK = 512

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Means:
    """Of what comes into a layer, (G, n), and of what is wanted of it, (G, o)."""

    mean: Numbers
    wanted: Numbers


@dataclass(frozen=True)
class Moments(Means):
    """And how what comes in varies, (G, n, n), and both together, (G, n, o)."""

    covariance: Numbers
    together: Numbers


Parts = Iterable[tuple[NDArray[Any], NDArray[Any]]]  # inputs (G, M, n) and what is wanted, (G, M, o)


def means(parts: Parts) -> Means:
    """Of samples that come in parts."""
    each = [(inputs.mean(axis=1), wanted.mean(axis=1), inputs.shape[1]) for inputs, wanted in parts]
    counts = [count for *_, count in each]
    mean = np.average([inputs for inputs, *_ in each], axis=0, weights=counts)
    wanted = np.average([wanted for _, wanted, _ in each], axis=0, weights=counts)
    return Means(mean.astype(np.float64), wanted.astype(np.float64))


def moments(parts: Parts) -> Moments:
    """Of samples that come in parts."""
    count, width = 0, 0
    around, sums, products = (np.zeros((1, 1, 1)) for _ in range(3))
    for inputs, wanted in parts:
        both = np.concatenate([inputs, wanted], axis=2)
        if count == 0:  # near enough to the mean that little is lost in what is taken off later
            around, width = both.mean(axis=1, keepdims=True), inputs.shape[2]
        both = both - around
        count += both.shape[1]
        sums = sums + both.sum(axis=1, keepdims=True, dtype=np.float64)
        products = products + np.swapaxes(both[..., :width], 1, 2) @ both
    shift = sums / count
    mean = (around + shift)[:, 0]
    varying = products / count - np.swapaxes(shift[..., :width], 1, 2) @ shift
    return Moments(mean[:, :width], mean[:, width:], varying[..., :width], varying[..., width:])


def fit(seen: Moments, weights: Numbers) -> Numbers:
    """Weights that make of inputs less their mean what is wanted, less its mean.

    Least squares, drawn towards ``weights``.
    """
    pull = _of_mean_variance(seen.covariance, _PULL)
    return np.asarray(np.linalg.solve(_with_diagonal(seen.covariance, pull), seen.together + pull * weights))


def round_together(weights: Numbers, covariance: Numbers, step: Numbers) -> Numbers:
    """Whole numbers of ``step``, (G, o), from -STEPS to STEPS, for ``weights``; ``covariance``: (G, n, n).

    The largest weight of each output becomes STEPS or -STEPS.
    """
    left = weights.copy()
    whole = np.zeros_like(weights)
    is_largest = np.abs(weights) == np.abs(weights).max(axis=1, keepdims=True)
    damped = _with_diagonal(covariance, _of_mean_variance(covariance, _DAMPING))
    spread = np.swapaxes(np.linalg.cholesky(np.linalg.inv(damped)), 1, 2)
    count = weights.shape[1]
    for start in range(0, count, BLOCK):  # what follows a block learns of its errors at once: faster
        end = min(start + BLOCK, count)
        errors = np.zeros_like(left[:, start:end])
        for row in range(start, end):
            nearest = np.clip(np.round(left[:, row] / step), -STEPS, STEPS)
            whole[:, row] = np.where(is_largest[:, row], np.copysign(STEPS, weights[:, row]), nearest)
            error = (left[:, row] - whole[:, row] * step) / spread[:, row, row, np.newaxis]
            left[:, row:end] -= spread[:, row, row:end, np.newaxis] * error[:, np.newaxis]
            errors[:, row - start] = error
        left[:, end:] -= np.swapaxes(spread[:, start:end, end:], 1, 2) @ errors
    return whole


def round_alone(weights: Numbers, step: Numbers) -> Numbers:
    """The same, each by itself: for more weights than a covariance has room for."""
    is_largest = np.abs(weights) == np.abs(weights).max(axis=1, keepdims=True)
    nearest = np.clip(np.round(weights / step[:, np.newaxis]), -STEPS, STEPS)
    return np.where(is_largest, np.copysign(STEPS, weights), nearest)


def step_of(weights: Numbers, finest: float) -> Numbers:
    """The step of each output's weights, (G, o), about 1 / STEPS of its largest; 0 where that is too fine.

    It has as many binary digits as leave float32 room to add up without rounding, in any order, whatever
    comes in; _LEAST_BITS where so many inputs are weighed that none would do.
    """
    largest = np.maximum(np.abs(weights).max(axis=1), 1e-30)
    whole = weights * (STEPS / largest)[:, np.newaxis]
    up, down = np.maximum(whole, 0).sum(axis=1), np.maximum(-whole, 0).sum(axis=1)
    sums = (np.maximum(up, down) + weights.shape[1] / 2) * _LARGEST_INPUT  # half a step each by rounding
    bits = np.floor(_FLOAT32_BITS - np.log2(sums)).astype(int)
    return coarse(largest / STEPS, np.clip(bits, _LEAST_BITS, _MOST_BITS), finest)


def to_few_bits(values: Numbers, bits: int | NDArray[np.int64]) -> Numbers:
    """The nearest numbers of so many binary digits."""
    mantissa, exponent = np.frexp(values)
    return np.asarray(np.ldexp(np.round(np.ldexp(mantissa, bits)), exponent - bits))


def coarse(step: Numbers, bits: int | NDArray[np.int64], finest: float) -> Numbers:
    """The same, none of whose digits is less than ``finest``; 0 where that leaves none."""
    whole = np.round(step / finest) * finest
    return np.where(step < 2.0 ** (bits - 1) * finest, whole, to_few_bits(step, bits))


def _of_mean_variance(covariance: Numbers, share: float) -> Numbers:
    mean = np.trace(covariance, axis1=1, axis2=2) / covariance.shape[1]
    return np.asarray((share * mean + 1e-12)[:, np.newaxis, np.newaxis])


def _with_diagonal(matrices: Numbers, more: Numbers) -> Numbers:
    return np.asarray(matrices + more * np.eye(matrices.shape[1]))
