"""Networks that know OK parts alone, to one distance: what the device runs as one graph."""

from collections.abc import Callable
from typing import Any

import numpy as np

from trainer.normality import CLIP, Normality

_ERROR_WINDOW = 8  # pixels a side over which the error of a reconstruction is averaged


def joined(trunk: Any) -> Any:
    """The maps of a trunk, all of one size, as one: (N, H, W, C)."""
    from keras import Model, layers

    return Model(trunk.input, layers.Concatenate()(trunk.outputs), name="maps")


def with_normality(maps: Any, normality: Normality, *, slope: float, offset: float, largest: float) -> Any:
    """``maps`` (a model that ends in one map) to logits (N, 1): ``slope`` times the distance plus ``offset``.

    Cut off beyond ``largest``.
    """
    from keras import Model

    from trainer.models.fake_quantize import round_weights

    logit, set_weights = add_distance(
        maps.output, normality, mean=-offset / slope, deviation=1 / slope, most=largest
    )
    network = Model(maps.input, logit, name="normality")
    set_weights()
    round_weights(network)
    return network


def add_distance(
    values: Any, normality: Normality, *, mean: float, deviation: float, most: float
) -> tuple[Any, Callable[[], None]]:
    """The distance of a map's strangest place, standardized and cut off at ``most`` deviations, (N, 1).

    And what sets the weights afterwards. A convolution with as many groups as there are places whitens
    each place by its own matrix.
    """
    from keras import layers, ops

    from trainer.models.fake_quantize import FakeQuantize, around_zero

    height, width, dimensions = normality.mean.shape
    places = height * width
    project = layers.Conv2D(dimensions, 1, use_bias=False)
    whiten = layers.Conv2D(places * dimensions, 1, groups=places)
    average = layers.Conv2D(1, 1)
    values = FakeQuantize(*normality.limits)(project(values))
    values = layers.Reshape((1, 1, places * dimensions))(values)
    values = around_zero(CLIP)(whiten(values))
    # The absolute: XNNPACK has one by that name for floats alone.
    values = FakeQuantize(0.0, CLIP)(ops.leaky_relu(values, -1.0))
    values = average(layers.Reshape((height, width, dimensions))(values))
    values = around_zero(most)(values)

    def set_weights() -> None:
        project.set_weights([normality.projection[np.newaxis, np.newaxis]])
        kernel = normality.whitening.reshape(places, dimensions, dimensions)
        bias = -np.einsum("pc,pcd->pd", normality.mean.reshape(places, dimensions), kernel)
        side_by_side = kernel.transpose(1, 0, 2).reshape(1, 1, dimensions, places * dimensions)
        whiten.set_weights([side_by_side, bias.ravel()])
        even = np.full((1, 1, dimensions, 1), 1 / (dimensions * deviation), np.float32)
        average.set_weights([even, np.full((1,), -mean / deviation, np.float32)])

    return layers.Flatten()(layers.GlobalMaxPooling2D()(values)), set_weights


def build_autoencoder(height: int, width: int, channels: int) -> Any:
    """An untrained Keras model: (N, H, W, C) in -1…1 to its reconstruction through a narrow code.

    As Bergmann et al. 2019 (VISAPP, arXiv:1807.02011) use one for defects. Sides must be
    divisible by 16.
    """
    from keras import Input, Model, layers

    def normalized(values: Any) -> Any:
        return layers.ReLU(6.0)(layers.BatchNormalization(momentum=0.9)(values))

    entry = values = Input((height, width, channels))
    for filters in (16, 32, 64, 64):
        values = normalized(layers.Conv2D(filters, 3, 2, "same", use_bias=False)(values))
    values = layers.Conv2D(8, 1)(values)
    for filters in (64, 64, 32, 16):
        values = layers.UpSampling2D()(values)
        values = normalized(layers.Conv2D(filters, 3, padding="same", use_bias=False)(values))
    return Model(entry, layers.Conv2D(channels, 3, padding="same")(values), name="autoencoder")


def with_error(autoencoder: Any) -> Any:
    """The largest error of the reconstruction, averaged over a window of pixels: (N, 1)."""
    from keras import Model, layers, ops

    error = ops.absolute(layers.Subtract()([autoencoder.input, autoencoder.output]))
    channels = error.shape[-1]
    average = layers.Conv2D(1, 1, use_bias=False)
    values = average(layers.AveragePooling2D(_ERROR_WINDOW)(error))
    network = Model(autoencoder.input, layers.Flatten()(layers.GlobalMaxPooling2D()(values)), name="error")
    average.set_weights([np.full((1, 1, channels, 1), 1 / channels, np.float32)])
    return network


def with_logit(distance: Any, *, slope: float, offset: float, name: str) -> Any:
    """``slope`` times the distance plus ``offset``: a logit (N, 1)."""
    from keras import Model, layers

    dense = layers.Dense(1, name="calibration")
    network = Model(distance.input, dense(distance.output), name=name)
    dense.set_weights([np.full((1, 1), slope, np.float32), np.full((1,), offset, np.float32)])
    return network
