"""A score of defects for each place, learned from labels of whole photographs."""

import numpy as np
from numpy.typing import NDArray

from trainer.curves import roc
from trainer.methods.frozen.place_score import learn_place_score, windows

CHANNELS = 12


def photographs(
    count: int, *, seed: int, places: int = 2
) -> tuple[NDArray[np.float16], NDArray[np.bool_], NDArray[np.bool_]]:
    """Maps (count, 9, 11, CHANNELS), which are defective, and where: a few places of every other one."""
    chance = np.random.default_rng(seed)
    mix = np.random.default_rng(0).normal(size=(CHANNELS, CHANNELS))
    maps = chance.normal(size=(count, 9, 11, CHANNELS)) @ mix
    is_defect = np.arange(count) % 2 == 1
    where = np.zeros((count, 9, 11), bool)
    for number in np.flatnonzero(is_defect):
        row, column = chance.integers(0, 8), chance.integers(0, 10)
        where[number, row : row + places, column : column + places] = True
    direction = np.random.default_rng(1).normal(size=CHANNELS) @ mix
    maps[where] += 2.5 * direction / np.linalg.norm(direction) * np.linalg.norm(mix) / np.sqrt(CHANNELS)
    return maps.astype(np.float16), is_defect, where


def test_a_small_defect_that_no_average_shows_is_found_on_photographs_never_seen() -> None:
    maps, is_defect, _ = photographs(120, seed=2)
    score = learn_place_score(maps, is_defect, np.arange(120), seed=1)
    unseen, truth, _ = photographs(100, seed=3)
    assert roc(score.scores(unseen, np.arange(100)).astype(float), truth).area > 0.95


def test_the_strongest_place_lies_at_the_defect() -> None:
    maps, is_defect, _ = photographs(120, seed=2)
    score = learn_place_score(maps, is_defect, np.arange(120), seed=1)
    unseen, truth, where = photographs(100, seed=3)
    strongest = score.maps(unseen[truth]).reshape(truth.sum(), -1).argmax(axis=1)
    hits = where[truth].reshape(truth.sum(), -1)[np.arange(truth.sum()), strongest]
    assert hits.mean() > 0.8


def test_only_the_photographs_that_are_named_are_learned_from() -> None:
    maps, is_defect, _ = photographs(60, seed=4)
    spoiled = maps.copy()
    spoiled[40:] = 1000
    first = np.arange(40)
    np.testing.assert_array_equal(
        learn_place_score(maps, is_defect, first, seed=1).kernel,
        learn_place_score(spoiled, is_defect, first, seed=1).kernel,
    )


def test_one_defective_and_one_ok_photograph_are_enough_to_go_on() -> None:
    maps, is_defect, _ = photographs(2, seed=5)
    score = learn_place_score(maps, is_defect, np.arange(2), seed=1)
    assert np.isfinite(score.scores(maps, np.arange(2))).all()


def test_a_channel_that_never_changes_says_nothing() -> None:
    maps, is_defect, _ = photographs(40, seed=6)
    maps[..., 0] = 3
    score = learn_place_score(maps, is_defect, np.arange(40), seed=1)
    assert np.isfinite(score.kernel).all()
    assert np.isfinite(score.scores(maps, np.arange(40))).all()


def test_windows_are_means_of_neighbouring_places() -> None:
    maps = np.arange(12, dtype=np.float32).reshape(1, 3, 4)
    assert windows(maps).tolist() == [[[2.5, 3.5, 4.5], [6.5, 7.5, 8.5]]]
    assert windows(maps[:, :1]).tolist() == [[[0.5, 1.5, 2.5]]]
