"""Backbone, size and method for OK parts alone, chosen by drawn defects."""

from typing import Any

import numpy as np
import pytest

from edge.core.errors import InputError
from tests.trainer.methods.test_drawn_defects import photograph
from trainer.methods.choose_one_class import Candidate, choose_by_drawn_defects
from trainer.methods.drawn_defects import KINDS
from trainer.methods.one_class import GAUSSIANS, MEMORY


class Averages:
    """A backbone whose one map holds the averages of squares of ``stride`` pixels."""

    name, source, taps, texture_taps, place_taps = "averages", "made up", (), (), ("mean",)

    def __init__(self, stride: int) -> None:
        self.stride = stride

    def build(self, height: int, width: int, channels: int, taps: Any) -> Any:
        from keras import Input, Model, layers, ops

        entry = Input((height, width, channels))
        mean = layers.AveragePooling2D(self.stride)(entry)
        rough = layers.AveragePooling2D(self.stride)(ops.square(entry))
        return Model(entry, layers.Concatenate()([mean, rough]))


class Blind(Averages):
    """A model whose answers have nothing to do with the picture."""

    name = "blind"

    def build(self, height: int, width: int, channels: int, taps: Any) -> Any:
        from keras import Input, Model, layers, ops

        entry = Input((height, width, channels))
        noise = ops.sin(1e5 * layers.AveragePooling2D(self.stride)(entry))
        return Model(entry, layers.Concatenate()([noise, ops.cos(3e5 * noise)]))


PICTURES = np.stack([photograph(seed, channels=1) for seed in range(16)])
GROUPS = np.arange(16)


def choose(*candidates: Candidate) -> Any:
    return choose_by_drawn_defects(candidates, PICTURES, GROUPS, seed=1, methods=(GAUSSIANS, MEMORY))


def test_a_backbone_that_sees_is_taken_and_not_the_cheap_one_that_does_not() -> None:
    taken, tried = choose(Candidate(Blind(8), 96, 128), Candidate(Averages(8), 96, 128))
    assert taken.candidate.backbone.name == "averages"
    assert len(tried) == 4
    assert all(set(score.aurocs) == set(KINDS) for score in tried)


def test_of_equal_ones_the_cheapest_is_taken() -> None:
    twins = [Candidate(Averages(8), 96, 128) for _ in range(2)]
    taken, tried = choose(*twins)
    assert taken.candidate is twins[0]
    assert {score.mean for score in tried[:2]} == {score.mean for score in tried[2:]}


def test_the_same_seed_chooses_the_same() -> None:
    offered = Candidate(Averages(8), 96, 128), Candidate(Averages(8), 48, 64)
    (first, tried), (again, tried_again) = choose(*offered), choose(*offered)
    assert first == again
    assert tried == tried_again


def test_one_part_alone_is_refused() -> None:
    with pytest.raises(InputError, match="at least 2 groups"):
        choose_by_drawn_defects(
            [Candidate(Averages(8), 96, 128)], PICTURES, np.zeros(16, np.int64), methods=(MEMORY,), seed=1
        )
