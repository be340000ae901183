"""Locating is proposed where it helps beyond chance, and only then."""

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.core.errors import InputError
from trainer.input_size import Size, input_spec
from trainer.locating import Gain, compare, proposals

PARTS, PHOTOGRAPHS = 40, 3


def features(strength: float, *, seed: int) -> NDArray[np.float32]:
    """Of each photograph; the class shifts the first by ``strength``, and a part its own by chance."""
    chance = np.random.default_rng(seed)
    groups, labels = made_up_parts()
    values = chance.normal(0, 1, (PARTS, 6))[groups] + chance.normal(0, 0.3, (len(groups), 6))
    values[:, 0] += strength * labels
    return values.astype(np.float32)


def made_up_parts() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The part and the class of each photograph."""
    groups = np.repeat(np.arange(PARTS, dtype=np.int64), PHOTOGRAPHS)
    return groups, groups % 2


def gain_of(plain: NDArray[np.float32], located: NDArray[np.float32]) -> Gain:
    """Of two classes."""
    groups, labels = made_up_parts()
    return compare(plain, located, labels, groups, locate="part", task="binary", seed=1, threads=1)


def test_features_that_tell_the_classes_apart_on_unseen_parts_win() -> None:
    gain = gain_of(features(0, seed=1), features(6, seed=2))
    assert gain.is_clear
    assert gain.gain > 0.2
    assert gain.parts == PARTS


@pytest.mark.parametrize("seed", range(4))
def test_features_that_are_as_good_do_not_win(seed: int) -> None:
    assert not gain_of(features(2, seed=1), features(2, seed=10 + seed)).is_clear


def test_the_best_clear_gain_is_proposed_with_what_was_measured() -> None:
    gains = [Gain("part", 0.8, 0.05, 0.01, 40), Gain("ring", 0.8, 0.1, 0.02, 40)]
    [sentence] = proposals(gains)
    assert "--locate ring" in sentence
    assert "0.900" in sentence
    assert "40 training parts" in sentence


def test_a_gain_within_chance_is_not_proposed() -> None:
    assert proposals([Gain("part", 0.8, 0.05, 0.03, 40)]) == []
    assert proposals([]) == []


def test_a_strip_has_as_many_pixels_as_the_square() -> None:
    strip, square = input_spec(Size(160, 160), 1, "ring"), input_spec(Size(160, 160), 1, "part")
    assert (strip.width, strip.height) == (320, 80)
    assert strip.width * strip.height == square.width * square.height


def test_a_strip_that_would_be_too_low_is_refused() -> None:
    with pytest.raises(InputError, match="--size 48x48: not for --locate ring; expected a square of 64"):
        input_spec(Size(48, 48), 1, "ring")
