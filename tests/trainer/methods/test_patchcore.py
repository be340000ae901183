"""A memory of patches: what is far from all of them, and the same as a network."""

import numpy as np
import pytest

from trainer.methods.patchcore.memory import PatchMemory, learn_memory

CHANNELS = 40


def ok_maps(count: int, *, seed: int, channels: int = CHANNELS) -> np.ndarray:
    """Maps (count, 5, 6, channels): each place shows one of seven patterns, whichever lies there."""
    patterns = np.random.default_rng(1).normal(0, 3, (7, channels))
    chance = np.random.default_rng(seed)
    shown = patterns[chance.integers(7, size=(count, 5, 6))]
    return np.asarray(shown + chance.normal(0, 0.6, shown.shape), np.float32)


@pytest.fixture(scope="module")
def memory() -> PatchMemory:
    return learn_memory(ok_maps(60, seed=2), seed=1, most=64)


def test_what_ok_parts_show_anywhere_is_near_and_what_they_never_show_is_far(memory: PatchMemory) -> None:
    good = memory.by_place(ok_maps(30, seed=3)).max(axis=(1, 2))
    strange = ok_maps(30, seed=4)
    strange[:, 2, 3] = (strange[:, 2, 3] + strange[:, ::-1, ::-1][:, 0, 0]) / 2 + 1
    assert good.max() < memory.by_place(strange)[:, 2, 3].min()


def test_distances_are_those_to_the_nearest_prototype(memory: PatchMemory) -> None:
    maps = ok_maps(3, seed=5)
    values = np.clip(maps @ memory.projection + memory.offset, -memory.limit, memory.limit)
    apart = values[..., np.newaxis, :] - memory.prototypes
    assert memory.by_place(maps) == pytest.approx((apart**2).mean(axis=-1).min(axis=-1), abs=0.05)


def test_every_pattern_has_a_prototype_even_a_rare_one() -> None:
    maps = ok_maps(60, seed=6)
    maps[17, 1, 1] = 20.0  # one place of one photograph
    memory = learn_memory(maps, seed=1, most=10)
    assert memory.by_place(maps).max() < 1.0


def test_no_more_prototypes_than_asked_for_nor_than_places() -> None:
    assert learn_memory(ok_maps(20, seed=7), seed=1, most=50).prototypes.shape[0] == 50
    assert learn_memory(ok_maps(1, seed=7), seed=1, most=50).prototypes.shape[0] <= 30


def test_the_same_seed_learns_the_same() -> None:
    first, again = (learn_memory(ok_maps(20, seed=8), seed=3, most=16) for _ in range(2))
    assert (first.prototypes == again.prototypes).all()


def test_channels_that_never_vary_are_no_trouble() -> None:
    maps = ok_maps(20, seed=9)
    maps[..., :5] = 0
    memory = learn_memory(maps, seed=1, most=16)
    assert np.isfinite(memory.by_place(maps)).all()
    assert np.isfinite(learn_memory(np.zeros((2, 3, 3, 4), np.float32), seed=1).by_place(maps[..., :4])).all()


def test_a_wide_map_is_reduced(memory: PatchMemory) -> None:
    wide = learn_memory(ok_maps(20, seed=10, channels=200), seed=1, most=16)
    assert wide.prototypes.shape[1] == 128
