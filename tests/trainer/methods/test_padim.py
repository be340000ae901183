"""A Gaussian at each place: what is far from OK parts, and the same as a network."""

import numpy as np
import pytest

from trainer.methods.padim.gaussians import CLIP, PatchGaussians, learn_gaussians


def ok_maps(count: int, *, seed: int) -> np.ndarray:
    """Maps (count, 4, 5, 60): each place has its own mean and its own correlations."""
    places = np.random.default_rng(1)
    mean, mix = places.normal(0, 3, (4, 5, 60)), places.normal(0, 1, (4, 5, 8, 60))
    chance = np.random.default_rng(seed)
    hidden = chance.normal(size=(count, 4, 5, 1, 8))
    return np.asarray(mean + (hidden @ mix)[..., 0, :] + chance.normal(0, 0.2, (count, 4, 5, 60)), np.float32)


@pytest.fixture(scope="module")
def gaussians() -> PatchGaussians:
    return learn_gaussians(ok_maps(400, seed=2), seed=1)


def test_unseen_ok_parts_are_near_and_one_strange_place_is_far(gaussians: PatchGaussians) -> None:
    good = gaussians.distances(ok_maps(200, seed=3))
    bad = ok_maps(200, seed=4)
    bad[:, 2, 3] = bad[:, 1, 1]  # what is usual elsewhere
    assert good.max() < gaussians.distances(bad).min()


def test_a_distance_is_never_more_than_the_clip(gaussians: PatchGaussians) -> None:
    assert gaussians.distances(np.full((1, 4, 5, 60), 1e4, np.float32))[0] <= CLIP


def test_fewer_photographs_than_dimensions_still_give_a_distance() -> None:
    few = learn_gaussians(ok_maps(6, seed=5), seed=1)
    distances = few.distances(ok_maps(50, seed=6))
    assert np.isfinite(distances).all()
