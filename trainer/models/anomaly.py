"""Networks that know OK parts alone, to one distance: what the device runs as one graph."""

from typing import Any

import numpy as np

_ERROR_WINDOW = 8  # pixels a side over which the error of a reconstruction is averaged


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
