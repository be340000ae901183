"""Defects drawn into photographs of OK parts."""

import numpy as np
import pytest

from trainer.methods.drawn_defects import KINDS, draw, part_of

HEIGHT, WIDTH = 96, 128


def photograph(seed: int, channels: int = 3) -> np.ndarray:
    """A bright, rough disc on a dark ground, uint8 (96, 128, channels)."""
    chance = np.random.default_rng(seed)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    disc = (rows - 48) ** 2 + (columns - 64) ** 2 < 30**2
    grey = np.where(disc, 150, 20)[..., np.newaxis] + chance.normal(0, 6, (HEIGHT, WIDTH, channels))
    return np.clip(grey, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_a_drawing_changes_some_of_the_picture_and_not_most(kind: str, channels: int) -> None:
    ok = photograph(1, channels)
    for seed in range(20):
        drawn = draw(kind, ok, photograph(2, channels), seed=seed)
        assert drawn.shape == ok.shape
        assert drawn.dtype == np.uint8
        changed = (np.abs(drawn.astype(int) - ok) > 2).any(axis=-1)
        assert 0 < changed.mean() < 0.2


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_draws_the_same_and_another_something_else(kind: str) -> None:
    ok, other = photograph(1), photograph(2)
    first, again, else_ = (draw(kind, ok, other, seed=seed) for seed in (5, 5, 6))
    assert (first == again).all()
    assert (first != else_).any()


@pytest.mark.parametrize("kind", KINDS)
def test_drawings_are_where_the_part_is(kind: str) -> None:
    ok = photograph(1)
    part = part_of(ok)
    for seed in range(20):
        drawn = draw(kind, ok, photograph(2), seed=seed)
        changed = np.abs(drawn.astype(int) - ok).max(axis=-1) > 4
        assert (changed & part).any()


def test_the_photograph_that_is_drawn_into_stays_as_it_is() -> None:
    ok = photograph(1)
    before = ok.copy()
    for kind in KINDS:
        draw(kind, ok, photograph(2), seed=1)
    assert (ok == before).all()


def test_a_part_is_told_from_what_it_lies_on() -> None:
    part = part_of(photograph(1))
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    disc = (rows - 48) ** 2 + (columns - 64) ** 2 < 30**2
    assert (part == disc).mean() > 0.98


@pytest.mark.parametrize("channels", [1, 3])
def test_all_of_a_texture_is_the_part(channels: int) -> None:
    texture = np.random.default_rng(3).integers(90, 160, (HEIGHT, WIDTH, channels)).astype(np.uint8)
    assert part_of(texture).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(16, 16, 1), (16, 320, 1), (17, 33, 3)])
def test_pictures_of_any_shape_can_be_drawn_into(kind: str, shape: tuple[int, int, int]) -> None:
    flat = np.full(shape, 77, np.uint8)
    assert draw(kind, flat, flat, seed=1).shape == shape
