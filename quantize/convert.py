"""A Keras model to a full int8 TensorFlow Lite graph.

Post-training quantization: Jacob et al. 2018 (arXiv:1712.05877), per-channel weights, biases corrected.
"""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.core.errors import InputError
from edge.core.native_stderr import native_stderr_filtered
from edge.core.preprocess import to_network_input
from quantize.calibrate import with_extremes
from quantize.correct import correct_biases, round_halves_up
from quantize.flatbuffer import pack, shorten_names, unpack


def convert(model: Any, sample: NDArray[np.uint8]) -> bytes:
    """Quantize a network; ``sample`` is uint8 (N, H, W, C). Input uint8 raw pixels, output int8 logits.

    Raises InputError when an operator cannot be quantized.
    """
    import tensorflow as tf

    from quantize.fake_quantize import rounds_as_int8, without_halves

    is_rounded = rounds_as_int8(model)
    scaled = to_network_input(with_extremes(sample))
    # A network that rounds says all its ranges itself; the first image holds that of the pixels.
    measured = scaled[:1] if is_rounded else scaled
    model = _of_one_image(without_halves(model) if is_rounded else model, sample)
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([image[np.newaxis]] for image in measured)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.uint8
    converter.inference_output_type = tf.int8
    try:
        with native_stderr_filtered(), warnings.catch_warnings(action="ignore"):
            int8 = bytes(converter.convert())
            if is_rounded:
                return _finish(int8, is_rounded=True)
            float32 = bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    except (ValueError, RuntimeError) as error:
        raise InputError(f"the network cannot be quantized: {str(error).splitlines()[0]}") from error
    return _finish(correct_biases(int8, float32, sample), is_rounded=False)


def to_float(model: Any, sample: NDArray[np.uint8]) -> bytes:
    """The same network as a float graph, with the names that `convert` gives; float32 input."""
    import tensorflow as tf

    with native_stderr_filtered(), warnings.catch_warnings(action="ignore"):
        converter = tf.lite.TFLiteConverter.from_keras_model(_of_one_image(model, sample))
        return _finish(bytes(converter.convert()), is_rounded=False)


def _of_one_image(model: Any, sample: NDArray[np.uint8]) -> Any:
    """For one image at a time; for any number of them the graph would compute its shapes anew.

    Names of its own, because Keras numbers those that it gives, and they stand in the file.
    """
    import keras

    entry = keras.Input(batch_shape=(1, *sample.shape[1:]), name="image")
    return keras.Model(entry, model(entry), name="one")


def _finish(flatbuffer: bytes, *, is_rounded: bool) -> bytes:
    model = unpack(flatbuffer)
    if is_rounded:
        round_halves_up(model)
    shorten_names(model)
    return pack(model)
