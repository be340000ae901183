"""The layer with which a trainer's network says where it rounds as int8 will, and from where to where.

The trainer has a class of the same registered name: the two programs share files, not code.
"""

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("linegate")
class FakeQuantize(keras.layers.Layer):  # type: ignore[misc]
    """Rounds to the 256 values of an int8 tensor from ``low`` to ``high``.

    The converter takes the range of the tensor from it: simulated quantization, Jacob et al. 2018
    (arXiv:1712.05877), section 3.
    """

    def __init__(self, low: float, high: float, **options: Any) -> None:
        super().__init__(**options)
        self._range = (low, high)

    def call(self, values: Any) -> Any:
        """The rounded values."""
        return tf.quantization.fake_quant_with_min_max_args(values, *self._range)


@keras.saving.register_keras_serializable("linegate")
class HalvesFromZero(keras.layers.Layer):  # type: ignore[misc]
    """Rounds to whole ``step``, what lies in the middle between two of them away from zero.

    As int8 does by itself: the converter must not see it, see `without_halves`.
    """

    def __init__(self, step: float, **options: Any) -> None:
        super().__init__(**options)
        self._step = step

    def call(self, values: Any) -> Any:
        """The rounded values."""
        steps = values / self._step
        return self._step * tf.sign(steps) * tf.floor(tf.abs(steps) + 0.5)


def without_halves(network: Any) -> Any:
    """The same network without the layers that only float needs."""

    def same_or_nothing(layer: Any) -> Any:
        return keras.layers.Identity(name=layer.name) if _is(layer, HalvesFromZero) else layer

    if not any(_is(layer, HalvesFromZero) for layer in network.layers):
        return network
    return keras.models.clone_model(network, clone_function=same_or_nothing)


def rounds_as_int8(network: Any) -> bool:
    """True if a Keras model rounds as int8 will: nothing is then to be corrected.

    By the registered name: a process that loaded both programs may read the trainer's class.
    """
    return any(_is(layer, FakeQuantize) for layer in network.layers)


def _is(layer: Any, kind: type) -> bool:
    return bool(keras.saving.get_registered_name(type(layer)) == keras.saving.get_registered_name(kind))
