"""A convolution as numbers: kernel and bias with the normalization in them, and what it weighs at places."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.rounding import Numbers

_BATCH = 50


@dataclass(frozen=True)
class Convolution:
    """``kernel``: (k, k, in, out), (k, k, in, 1) where it is depthwise, (in, out) of a dense layer.

    ``bias``: of each output channel.
    """

    kernel: Numbers
    bias: Numbers
    strides: tuple[int, int]
    padding: str
    is_depthwise: bool

    def as_layer(self, name: str) -> Any:
        """A Keras layer that still wants its weights."""
        from keras import layers

        *sides, _, filters = self.kernel.shape
        if not sides:
            return layers.Dense(filters, name=name)
        options = {"strides": self.strides, "padding": self.padding, "name": name}
        if self.is_depthwise:
            return layers.DepthwiseConv2D(sides, **options)
        return layers.Conv2D(filters, sides, **options)

    def weights(self) -> Numbers:
        """(G, n, o): a group a channel where it is depthwise, else one."""
        if self.is_depthwise:
            return np.asarray(np.moveaxis(self.kernel, 2, 0).reshape(self.kernel.shape[2], -1, 1))
        return self.kernel.reshape(1, -1, self.kernel.shape[-1])

    def as_kernel(self, weights: Numbers) -> Numbers:
        """The other way round."""
        if self.is_depthwise:
            height, width, channels, _ = self.kernel.shape
            return np.asarray(np.moveaxis(weights.reshape(channels, height, width, 1), 0, 2))
        return weights.reshape(self.kernel.shape)

    def by_channel(self, values: Numbers) -> Numbers:
        """A number an output channel, (C,), in the shape (G, o)."""
        return values[:, np.newaxis] if self.is_depthwise else values[np.newaxis]

    def inputs(self, maps: NDArray[np.float32], places: NDArray[np.int64]) -> Numbers:
        """What is weighed at some places (N, P) of the output for maps (N, H, W, C): (G, N * P, n).

        A dense layer weighs all of (N, C): (1, N, C).
        """
        import tensorflow as tf

        if self.kernel.ndim == 2:
            return maps.astype(np.float64)[np.newaxis]
        height, width, channels, _ = self.kernel.shape
        window, strides = (1, height, width, 1), (1, *self.strides, 1)
        found = []
        for at in batches(len(maps)):
            windows = tf.image.extract_patches(maps[at], window, strides, (1,) * 4, self.padding.upper())
            rows = windows.numpy().reshape(len(windows), -1, height * width * channels)
            found.append(at_places(rows, places[at]).reshape(-1, rows.shape[-1]))
        inputs = np.concatenate(found).astype(np.float64)
        if not self.is_depthwise:
            return inputs[np.newaxis]
        return np.asarray(inputs.reshape(len(inputs), height * width, channels).transpose(2, 0, 1))


def folded(layer: Any, norm: Any = None) -> Convolution:
    """Of a Keras convolution or dense layer, and the batch normalization behind it, if there is one.

    The mean of a map is a convolution too.
    """
    from keras import layers

    if isinstance(layer, layers.GlobalAveragePooling2D):
        _, height, width, channels = layer.input.shape
        even = np.full((height, width, channels, 1), 1 / (height * width))
        return Convolution(even, np.zeros(channels), (1, 1), "valid", is_depthwise=True)
    kernel, *biases = (array.astype(np.float64) for array in layer.get_weights())
    is_depthwise = isinstance(layer, layers.DepthwiseConv2D)
    bias = biases[0] if biases else np.zeros(kernel.shape[2 if is_depthwise else -1])
    if norm is not None:
        factor, shift = _factor_and_shift(norm)
        kernel = kernel * (factor[:, np.newaxis] if is_depthwise else factor)
        bias = bias * factor + shift
    strides, padding = getattr(layer, "strides", (1, 1)), getattr(layer, "padding", "valid")
    return Convolution(kernel, bias, strides, padding, is_depthwise)


def _factor_and_shift(norm: Any) -> tuple[Numbers, Numbers]:
    """What batch normalization multiplies by, and adds."""
    mean, variance = (np.asarray(values, np.float64) for values in (norm.moving_mean, norm.moving_variance))
    gamma = np.asarray(norm.gamma, np.float64) if norm.scale else np.ones_like(mean)
    beta = np.asarray(norm.beta, np.float64) if norm.center else np.zeros_like(mean)
    factor = gamma / np.sqrt(variance + norm.epsilon)
    return factor, beta - mean * factor


def at_places(rows: NDArray[Any], places: NDArray[np.int64]) -> NDArray[Any]:
    """Of rows (N, all places, C) those at some places (N, P): (N, P, C)."""
    return np.take_along_axis(rows, places[..., np.newaxis], axis=1)


def batches(count: int) -> Iterator[slice]:
    """So many, a batch at a time."""
    for start in range(0, count, _BATCH):
        yield slice(start, start + _BATCH)
