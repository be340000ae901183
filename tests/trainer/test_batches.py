"""The order of photographs: even over classes and parts, and another one each time."""

import numpy as np
import pytest

from trainer.batches import balanced_plan, read_ahead


def plan_of(labels: np.ndarray, groups: np.ndarray, *, seed: int = 1) -> np.ndarray:
    return balanced_plan(labels, groups, steps=20, batch_size=16, generator=np.random.default_rng(seed))


def test_every_batch_is_even_over_classes_and_their_groups() -> None:
    labels = np.repeat([0, 0, 0, 1, 1], [90, 5, 5, 8, 2])
    groups = np.repeat([0, 1, 2, 3, 4], [90, 5, 5, 8, 2])
    plan = plan_of(labels, groups)
    assert plan.shape == (20, 16)
    assert set((labels[plan] == 0).sum(axis=1)) <= {7, 8, 9}
    shown = np.bincount(groups[plan].ravel()) / plan.size
    assert shown == pytest.approx([1 / 6, 1 / 6, 1 / 6, 1 / 4, 1 / 4], abs=0.01)


def test_without_imbalance_every_photograph_is_shown_equally_often() -> None:
    labels = np.arange(160) % 2
    assert set(np.bincount(plan_of(labels, np.arange(160)).ravel())) == {2}


def test_the_order_follows_from_the_generator() -> None:
    labels, groups = np.arange(100) % 4, np.arange(100) // 8
    assert np.array_equal(plan_of(labels, groups, seed=3), plan_of(labels, groups, seed=3))
    assert not np.array_equal(plan_of(labels, groups, seed=3), plan_of(labels, groups, seed=4))


def test_batches_are_read_in_their_order() -> None:
    pixels = np.arange(60, dtype=np.uint8).reshape(20, 3)
    plan = [np.array(chosen) for chosen in np.random.default_rng(1).integers(0, 20, (9, 4))]
    read = list(read_ahead(pixels, plan))
    assert [positions.tolist() for positions, _ in read] == [positions.tolist() for positions in plan]
    assert all(np.array_equal(images, pixels[positions]) for positions, images in read)
