"""Which backbones are tried at which sizes, and on which photographs."""

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from edge.core.errors import InputError
from tests.trainer.makers import make_dataset
from trainer.input_size import Shape, Size
from trainer.methods.frozen import choose as module
from trainer.methods.frozen.choose import Candidate, candidates
from trainer.methods.frozen.feature_maps import FeatureSpec
from trainer.methods.frozen.speed import Speed

SPEC = FeatureSpec(("block4",))


class Named:
    def __init__(self, name: str) -> None:
        self.name = name


def photographs(*, widest: float = 1.0, defective: int = 20) -> Any:
    pixels = np.zeros((40, 160, 160, 1), np.uint8)
    shape = Shape(width=400, height=400, narrowest=1.0, widest=widest, channels=1)
    return replace(make_dataset(pixels, (np.arange(40) >= 40 - defective).astype(int)), shape=shape)


def offered(dataset: Any, *names: str) -> list[Candidate]:
    return candidates(dataset, [(cast("Any", Named(name)), SPEC) for name in names], None)


def test_each_backbone_is_offered_at_each_size_of_the_photographs() -> None:
    found = offered(photographs(), "small", "large")
    sizes = [(one.backbone.name, one.spec.width) for one in found]
    assert sizes == [(name, width) for name in ("small", "large") for width in (160, 224, 320, 400)]


def test_photographs_of_different_shapes_are_shown_with_bars_as_well() -> None:
    fits = [one.spec.fit for one in offered(photographs(widest=1.5), "small")]
    assert fits.count("letterbox") == 2


def test_a_size_that_is_named_is_the_only_one() -> None:
    dataset = photographs()
    found = candidates(dataset, [(cast("Any", Named("small")), SPEC)], Size(160, 160))
    assert [one.spec for one in found] == [dataset.spec]


def test_where_parts_are_too_few_to_choose_by_nothing_is_tried_or_timed() -> None:
    dataset = photographs(defective=2)
    choice = module.choose(
        dataset, offered(dataset, "small", "large"), max_milliseconds=None, seed=1, threads=1
    )
    assert (choice.candidate.backbone.name, choice.candidate.spec.width) == ("large", 400)
    assert choice.tried == []
    assert "2 parts of a class are too few" in choice.why


def test_what_is_too_slow_is_not_tried() -> None:
    found = offered(photographs(), "small")
    kept, speeds = module.fast_enough(found, [Speed(one, 1) for one in (1.0, 2.0, 4.0, 8.0)], 2.5)
    assert [one.spec.width for one in kept] == [160, 224]
    assert [speed.milliseconds for speed in speeds] == [1.0, 2.0]


def test_a_limit_that_nothing_meets_is_said_in_a_line_with_the_fastest() -> None:
    found = offered(photographs(), "small")
    with pytest.raises(InputError, match=r"--max-ms 0\.1: nothing is as fast on this machine; .* 1 ms"):
        module.fast_enough(found, [Speed(one, 1) for one in (1.0, 2.0, 4.0, 8.0)], 0.1)


def test_the_sample_is_spread_over_classes_and_parts_and_smaller_where_sizes_are_large() -> None:
    dataset = photographs()
    at = module.sample_of(dataset, offered(dataset, "small"), seed=1)
    assert np.bincount(dataset.labels[at]).tolist() == [20, 20]
