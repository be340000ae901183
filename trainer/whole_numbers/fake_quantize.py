"""Rounding in a float network, where and as int8 will round.

What is learned on such a network, and measured of it, then holds on the device: simulated quantization,
Jacob et al. 2018 (arXiv:1712.05877), section 3. The converter takes the ranges from here.
"""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from numpy.typing import NDArray

from edge.core.preprocess import PIXEL_STEP
from trainer.whole_numbers.rounding import STEPS

ACTIVATION_STEPS = 255
_LEAST = 1e-30
_MOVES = (
    layers.Concatenate,
    layers.Dropout,
    layers.Flatten,
    layers.GlobalMaxPooling2D,
    layers.MaxPooling2D,
    layers.Reshape,
)


@keras.saving.register_keras_serializable("linegate")
class FakeQuantize(layers.Layer):  # type: ignore[misc]
    """Rounds to the 256 values of an int8 tensor from ``low`` to ``high``, and cuts off what is beyond.

    The gradient passes within the range. quantize reads models with this layer, by a class of the same
    registered name.
    """

    def __init__(self, low: float, high: float, **options: Any) -> None:
        super().__init__(**options)
        self.low, self.high = low, high

    def call(self, values: Any) -> Any:
        """The rounded values."""
        return tf.quantization.fake_quant_with_min_max_args(values, self.low, self.high)

    def get_config(self) -> dict[str, Any]:
        """The saved settings."""
        return {**super().get_config(), "low": self.low, "high": self.high}


@keras.saving.register_keras_serializable("linegate")
class HalvesFromZero(layers.Layer):  # type: ignore[misc]
    """Rounds to whole ``step``, what lies in the middle between two of them away from zero.

    So a convolution in int8 does; `FakeQuantize` alone would round -2.5 up to -2. The gradient passes.
    quantize reads models with this layer, by a class of the same registered name.
    """

    def __init__(self, step: float, **options: Any) -> None:
        super().__init__(**options)
        self.step = step

    def call(self, values: Any) -> Any:
        """The rounded values."""
        steps = values / self.step
        nearest = self.step * tf.sign(steps) * tf.floor(tf.abs(steps) + 0.5)
        return values + tf.stop_gradient(nearest - values)

    def get_config(self) -> dict[str, Any]:
        """The saved settings."""
        return {**super().get_config(), "step": self.step}


def around_zero(most: float) -> FakeQuantize:
    """Rounds to the steps from ``-most`` to ``most``, with 0 for certain one of them.

    int8 has one more value below zero than above; a range that is the same on both sides would leave it open
    which of the two in the middle is 0.
    """
    return FakeQuantize(-most * 128 / 127, most)


def range_of(tensor: Any) -> tuple[float, float]:
    """From where to where a Keras tensor goes, which `FakeQuantize` made, or what only moves its values.

    Raises ValueError for any other.
    """
    layer = tensor._keras_history.operation
    if isinstance(layer, FakeQuantize):
        return layer.low, layer.high
    ranges: set[tuple[float, float]] = set()
    if isinstance(layer, _MOVES):
        ranges = {range_of(one) for one in (layer.input if isinstance(layer.input, list) else [layer.input])}
    if len(ranges) != 1:
        raise ValueError(f"{tensor.name}: expected one range from FakeQuantize, found {layer.name}")
    return ranges.pop()


def round_weights(network: Any) -> None:
    """Round the kernels and biases of a network in place, as the converter will.

    Each output channel's kernel has a scale of its own, and its bias that scale times the step of the
    input (TensorFlow Lite's quantization specification). What is rounded already stays as it is.
    """
    for layer in network.layers:
        if not isinstance(layer, layers.Conv2D | layers.DepthwiseConv2D | layers.Dense):
            continue
        kernel, *biases = layer.get_weights()
        axis = 2 if isinstance(layer, layers.DepthwiseConv2D) else kernel.ndim - 1
        kernel, step = _rounded(kernel, axis)
        unit = _input_step(layer) * step
        layer.set_weights([kernel, *(_to_steps(bias, unit) for bias in biases)])


def _rounded(kernel: NDArray[Any], axis: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The kernel in steps of its largest weights, and the steps of its output channels."""
    others = tuple(number for number in range(kernel.ndim) if number != axis)
    largest = np.abs(kernel).max(axis=others, keepdims=True).astype(np.float64)
    step = np.maximum(largest, _LEAST) / STEPS
    return _to_steps(kernel, step), step.ravel()


def _to_steps(values: NDArray[Any], step: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.round(values / step) * step, np.float64)


def _input_step(layer: Any) -> float:
    """The step of what comes into a layer, which something before it rounds; that of a pixel at the start."""
    tensor = layer.input
    while True:
        before = (tensor[0] if isinstance(tensor, list) else tensor)._keras_history.operation
        if isinstance(before, FakeQuantize):
            return (before.high - before.low) / ACTIVATION_STEPS
        if isinstance(before, layers.InputLayer):
            return PIXEL_STEP
        tensor = before.input
