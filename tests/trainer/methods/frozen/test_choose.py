"""Which backbone at which size: the cheapest that held-out parts don't tell from the best."""

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.core.errors import InputError
from tests.trainer.makers import make_dataset
from trainer.input_size import Shape, Size
from trainer.methods.frozen import choose as module
from trainer.methods.frozen.choose import Candidate, candidates
from trainer.methods.frozen.feature_maps import Look
from trainer.methods.frozen.speed import Speed
from trainer.methods.frozen.truth import Truth

LOOK = Look(("block4",))


class Named:
    def __init__(self, name: str) -> None:
        self.name = name


def photographs(*, widest: float = 1.0) -> Any:
    pixels = np.zeros((40, 160, 160, 1), np.uint8)
    shape = Shape(width=400, height=400, narrowest=1.0, widest=widest, channels=1)
    return replace(make_dataset(pixels, np.arange(40) % 2), shape=shape)


def offered(dataset: Any, *names: str) -> list[Candidate]:
    return candidates(dataset, [(cast("Any", Named(name)), LOOK) for name in names], None)


def test_each_backbone_is_offered_at_each_size_of_the_photographs() -> None:
    found = offered(photographs(), "small", "large")
    sizes = [(one.backbone.name, one.spec.width) for one in found]
    assert sizes == [(name, width) for name in ("small", "large") for width in (160, 224, 320, 400)]


def test_photographs_of_different_shapes_are_shown_with_bars_as_well() -> None:
    fits = [one.spec.fit for one in offered(photographs(widest=1.5), "small")]
    assert fits.count("letterbox") == 2


def test_a_size_that_is_named_is_the_only_one() -> None:
    dataset = photographs()
    found = candidates(dataset, [(cast("Any", Named("small")), LOOK)], Size(160, 160))
    assert [one.spec for one in found] == [dataset.spec]


def cheapest(
    *quality: float, milliseconds: tuple[float, ...], parts: int = 400, noise: tuple[int, ...] = (1, 1, 1)
) -> module.Choice:
    """Choose among candidates whose scores deviate so much from chance, of the same ``noise`` or another."""
    dataset = photographs()
    labels = np.arange(parts) % 2
    truth = Truth("binary", labels, np.arange(parts), 1, 0)

    def said(by: float, seed: int) -> NDArray[np.float64]:
        chance = np.random.default_rng(seed).normal(size=parts)
        scores = 1 / (1 + np.exp(-(by * labels + chance)))
        return np.stack([1 - scores, scores], axis=1)

    return module._cheapest(
        offered(dataset, "small")[: len(quality)],
        [Speed(one, 100) for one in milliseconds],
        [said(by, seed) for by, seed in zip(quality, noise, strict=False)],
        truth,
    )


def test_the_best_is_taken_where_it_is_clearly_better() -> None:
    choice = cheapest(0.5, 2.0, milliseconds=(1, 9))
    assert [one.is_chosen for one in choice.tried] == [False, True]
    assert choice.why == "the best on held-out parts"


def test_the_cheapest_is_taken_where_parts_do_not_tell_it_from_the_best() -> None:
    choice = cheapest(2.0, 2.0, 2.0001, milliseconds=(3, 1, 9))
    assert [one.is_chosen for one in choice.tried] == [False, True, False]
    assert "the cheapest" in choice.why


def test_few_parts_that_tell_nothing_apart_do_not_speak_for_the_cheapest() -> None:
    choice = cheapest(1.0, 1.6, milliseconds=(1, 9), parts=16)
    assert [one.is_chosen for one in choice.tried] == [False, True]


def test_of_sizes_that_few_parts_do_not_tell_apart_the_largest_is_taken() -> None:
    choice = cheapest(1.0, 1.7, 1.6, milliseconds=(1, 3, 9), parts=40, noise=(2, 1, 3))
    assert [one.is_chosen for one in choice.tried] == [False, False, True]
    assert choice.why == "on held-out parts none is better beyond chance"


def test_what_is_too_slow_is_not_tried() -> None:
    found = offered(photographs(), "small")
    kept, speeds = module._fast_enough(found, [Speed(one, 1) for one in (1.0, 2.0, 4.0, 8.0)], 2.5)
    assert [one.spec.width for one in kept] == [160, 224]
    assert [speed.milliseconds for speed in speeds] == [1.0, 2.0]


def test_a_limit_that_nothing_meets_is_said_in_a_line_with_the_fastest() -> None:
    found = offered(photographs(), "small")
    with pytest.raises(InputError, match=r"--max-ms 0\.1: nothing is as fast on this machine; .* 1 ms"):
        module._fast_enough(found, [Speed(one, 1) for one in (1.0, 2.0, 4.0, 8.0)], 0.1)


def test_the_sample_is_spread_over_classes_and_parts_and_smaller_where_sizes_are_large() -> None:
    dataset = photographs()
    at = module._sample(dataset, offered(dataset, "small"), seed=1)
    assert np.bincount(dataset.labels[at]).tolist() == [20, 20]
