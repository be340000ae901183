"""A convolution as numbers: kernel and bias with the normalization in them, and what it weighs at places."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.whole_numbers.blocks import Block
from trainer.whole_numbers.rounding import Numbers


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

    def as_weights(self, kernel: Numbers) -> Numbers:
        """A kernel in the shape (G, n, o): a group a channel where it is depthwise, else one."""
        if self.is_depthwise:
            return np.asarray(np.moveaxis(kernel, 2, 0).reshape(kernel.shape[2], -1, 1))
        return kernel.reshape(1, -1, kernel.shape[-1])

    def as_kernel(self, weights: Numbers) -> Numbers:
        """The other way round."""
        if self.is_depthwise:
            height, width, channels, _ = self.kernel.shape
            return np.asarray(np.moveaxis(weights.reshape(channels, height, width, 1), 0, 2))
        return weights.reshape(self.kernel.shape)

    def by_channel(self, values: Numbers) -> Numbers:
        """A number an output channel, (C,), in the shape (G, o)."""
        return values[:, np.newaxis] if self.is_depthwise else values[np.newaxis]

    def inputs(self, maps: NDArray[Any], places: NDArray[np.int64]) -> NDArray[Any]:
        """The weighed inputs of some places (N, P) of the output for maps (N, H, W, C): (G, N * P, n).

        A dense layer weighs all of (N, C): (1, N, C).
        """
        if self.kernel.ndim == 2:
            return maps[np.newaxis]
        height, width = self.kernel.shape[:2]
        rows, above = _taken(maps.shape[1], height, self.strides[0], self.padding)
        columns, beside = _taken(maps.shape[2], width, self.strides[1], self.padding)
        maps = np.pad(maps, ((0, 0), above, beside, (0, 0)))
        photograph = np.arange(len(maps))[:, np.newaxis, np.newaxis, np.newaxis]
        row = rows[places // len(columns)][..., np.newaxis]
        column = columns[places % len(columns)][:, :, np.newaxis]
        windows = maps[photograph, row, column].reshape(-1, height * width, maps.shape[-1])
        return windows.transpose(2, 0, 1) if self.is_depthwise else windows.reshape(1, len(windows), -1)


def _taken(size: int, side: int, stride: int, padding: str) -> tuple[NDArray[np.int64], tuple[int, int]]:
    """The inputs of each place of the output along an axis, (places, side), and the padding of the axis."""
    places, around = (size - side) // stride + 1, 0
    if padding == "same":
        places = -(-size // stride)
        around = max(0, (places - 1) * stride + side - size)
    taken = stride * np.arange(places)[:, np.newaxis] + np.arange(side)
    return taken, (around // 2, around - around // 2)


def folded(block: Block) -> Convolution:
    """Of a block with weights: its convolution or dense layer, with the batch normalization behind it in it.

    The mean of a map is a convolution too.
    """
    from keras import layers

    layer, norm = block.layer, block.norm
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
    return Convolution(kernel, bias, getattr(layer, "strides", (1, 1)), block.padding, is_depthwise)


def _factor_and_shift(norm: Any) -> tuple[Numbers, Numbers]:
    """The factor and the summand of batch normalization."""
    mean, variance = (np.asarray(values, np.float64) for values in (norm.moving_mean, norm.moving_variance))
    gamma = np.asarray(norm.gamma, np.float64) if norm.scale else np.ones_like(mean)
    beta = np.asarray(norm.beta, np.float64) if norm.center else np.zeros_like(mean)
    factor = gamma / np.sqrt(variance + norm.epsilon)
    return factor, beta - mean * factor


def at_places(rows: NDArray[Any], places: NDArray[np.int64]) -> NDArray[Any]:
    """Of rows (N, all places, C) those at some places (N, P): (N, P, C)."""
    return np.take_along_axis(rows, places[..., np.newaxis], axis=1)
