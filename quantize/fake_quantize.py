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


def rounds_as_int8(network: Any) -> bool:
    """Whether a Keras model rounds as int8 will: nothing is then to be corrected.

    By the registered name: a process that loaded both programs may read the trainer's class.
    """
    ours = keras.saving.get_registered_name(FakeQuantize)
    return any(keras.saving.get_registered_name(type(layer)) == ours for layer in network.layers)
