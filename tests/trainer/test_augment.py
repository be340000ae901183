"""The changed photographs that the network is shown."""

import numpy as np
import pytest

from trainer.augment import BRIGHTNESS, CONTRAST, FLIP, KINDS, ROTATION, SHIFT, ZOOM, augment


def changed(images: np.ndarray, seed: tuple[int, int], kinds: tuple[str, ...] = KINDS) -> np.ndarray:
    return np.asarray(augment(images, np.array(seed, np.int32), kinds))


def test_a_change_depends_on_its_seed_alone_and_keeps_the_range() -> None:
    images = np.random.default_rng(1).uniform(-1, 1, (6, 32, 32, 1)).astype(np.float32)
    first, again, other = (changed(images, seed) for seed in ((1, 2), (1, 2), (3, 2)))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert first.shape == images.shape
    assert np.abs(first).max() <= 1.004


def test_each_image_is_changed_its_own_way() -> None:
    images = np.repeat(np.random.default_rng(1).uniform(-1, 1, (1, 32, 32, 1)), 4, 0).astype(np.float32)
    assert len({image.tobytes() for image in changed(images, (1, 2))}) == 4


def test_a_part_in_the_middle_stays_in_the_picture() -> None:
    images = np.full((16, 64, 64, 1), -0.5, np.float32)
    images[:, 24:40, 24:40] = 0.5
    shown = changed(images, (5, 6))
    bright = (shown > shown.mean(axis=(1, 2, 3), keepdims=True) + 0.2).mean(axis=(1, 2, 3))
    assert np.all(np.abs(bright - 1 / 16) < 0.03)


def test_without_any_kind_photographs_stay_as_they_are() -> None:
    images = np.random.default_rng(1).uniform(-0.9, 0.9, (4, 32, 32, 3)).astype(np.float32)
    assert np.allclose(changed(images, (1, 2), ()), images, atol=1e-5)


def test_flips_alone_give_the_picture_or_its_mirror_image() -> None:
    image = np.random.default_rng(1).uniform(-0.9, 0.9, (32, 32, 1)).astype(np.float32)
    shown = changed(np.stack([image] * 16), (1, 2), (FLIP,))
    mirrored = [bool(np.allclose(one, image[:, ::-1], atol=1e-4)) for one in shown]
    kept = [bool(np.allclose(one, image, atol=1e-4)) for one in shown]
    assert any(mirrored)
    assert any(kept)
    assert all(one != other for one, other in zip(mirrored, kept, strict=True))


@pytest.mark.parametrize("kind", [ROTATION, SHIFT, ZOOM])
def test_moves_alone_leave_the_light(kind: str) -> None:
    images = np.full((8, 32, 32, 1), 0.3, np.float32)
    assert np.allclose(changed(images, (1, 2), (kind,)), 0.3, atol=1e-5)


@pytest.mark.parametrize("kind", [CONTRAST, BRIGHTNESS])
def test_light_alone_leaves_every_pixel_in_its_place(kind: str) -> None:
    images = np.zeros((8, 32, 32, 1), np.float32)
    images[:, 5, 7] = 0.8
    shown = changed(images, (1, 2), (kind,))
    assert all(int(one.argmax()) == 5 * 32 + 7 for one in shown)
    assert not np.allclose(shown, images, atol=0.01)
