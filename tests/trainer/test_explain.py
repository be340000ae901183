"""The explanation of a decision is where the defect is."""

from typing import Any

import numpy as np
import pytest

from trainer.explain import explain

GREY = np.full((3, 64, 64, 1), 100, np.uint8)


def spots() -> tuple[np.ndarray, np.ndarray]:
    """Grey noise with one bright square each, and the squares' centres (x, y)."""
    chance = np.random.default_rng(1)
    pixels = chance.normal(100, 5, (6, 64, 64, 1)).clip(0, 255).astype(np.uint8)
    corners = chance.integers(4, 44, (6, 2))
    for picture, (x, y) in zip(pixels, corners, strict=True):
        picture[y : y + 12, x : x + 12] = 250
    return pixels, corners + 6


def bright(branches: int) -> Any:
    """A network whose second output asks for bright pixels, on maps of one or two sizes."""
    import keras
    from keras import layers

    entry = values = keras.Input((64, 64, 1))
    pooled = []
    for _ in range(branches):
        values = layers.AveragePooling2D(4)(values)
        convolution = layers.Conv2D(1, 1)
        values = layers.ReLU()(convolution(values))
        convolution.set_weights([np.ones((1, 1, 1, 1)), np.zeros(1)])
        pooled.append(layers.GlobalAveragePooling2D()(values))
        values = layers.UpSampling2D(2)(values)
    head = layers.Dense(2)
    network = keras.Model(entry, head(layers.Concatenate()(pooled) if branches > 1 else pooled[0]))
    head.set_weights([np.tile([[-1.0, 1.0]], (branches, 1)), np.zeros(2)])
    return network


@pytest.mark.parametrize("branches", [1, 2])
def test_the_heat_is_where_the_bright_square_is(branches: int) -> None:
    pixels, centres = spots()
    heat = explain(bright(branches), pixels, np.ones(len(pixels), np.int64), GREY)
    assert heat is not None
    assert heat.shape == (6, 64, 64)
    assert heat.max() == pytest.approx(1)
    for picture, centre in zip(heat, centres, strict=True):
        y, x = np.unravel_index(picture.argmax(), picture.shape)
        assert np.abs(np.array([x, y]) - centre).max() <= 8


def test_what_speaks_for_one_class_does_not_speak_for_the_other() -> None:
    pixels, centres = spots()
    heat = explain(bright(1), pixels, np.zeros(len(pixels), np.int64), GREY)
    assert heat is not None
    assert all(picture[y, x] < 0.2 for picture, (x, y) in zip(heat, centres, strict=True))


def test_a_network_without_maps_explains_nothing() -> None:
    import keras

    entry = keras.Input((64, 64, 1))
    network = keras.Model(entry, keras.layers.Dense(2)(keras.layers.Flatten()(entry)))
    assert explain(network, spots()[0], np.ones(6, np.int64), GREY) is None
