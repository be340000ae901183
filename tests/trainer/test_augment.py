"""What the network is shown instead of the photographs."""

import numpy as np

from trainer.augment import augment


def test_a_change_depends_on_its_seed_alone_and_keeps_the_range() -> None:
    images = np.random.default_rng(1).uniform(-1, 1, (6, 32, 32, 1)).astype(np.float32)
    first, again, other = (
        augment(images, np.array(seed, np.int32)).numpy() for seed in ((1, 2), (1, 2), (3, 2))
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert first.shape == images.shape
    assert np.abs(first).max() <= 1.004


def test_each_image_is_changed_its_own_way() -> None:
    images = np.repeat(np.random.default_rng(1).uniform(-1, 1, (1, 32, 32, 1)), 4, 0).astype(np.float32)
    changed = augment(images, np.array((1, 2), np.int32)).numpy()
    assert len({image.tobytes() for image in changed}) == 4


def test_a_part_in_the_middle_stays_in_the_picture() -> None:
    images = np.full((16, 64, 64, 1), -0.5, np.float32)
    images[:, 24:40, 24:40] = 0.5
    changed = augment(images, np.array((5, 6), np.int32)).numpy()
    bright = (changed > changed.mean(axis=(1, 2, 3), keepdims=True) + 0.2).mean(axis=(1, 2, 3))
    assert np.all(np.abs(bright - 1 / 16) < 0.025)
