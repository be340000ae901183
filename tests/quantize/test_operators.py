"""Operators that are not int8, or that XNNPACK leaves to slower kernels, are counted by name."""

from typing import Any

import pytest

from edge.core.bundle.bundle import Operators
from edge.core.native_stderr import native_stderr_filtered
from quantize.describe import operators_line
from quantize.operators import count_operators
from testing.toy_model import toy_flatbuffer


def converted(layer: Any) -> bytes:
    """One layer of Keras in float32."""
    import keras
    import tensorflow as tf

    entry = keras.Input(batch_shape=(1, 8, 8, 2))
    with native_stderr_filtered():
        return bytes(tf.lite.TFLiteConverter.from_keras_model(keras.Model(entry, layer(entry))).convert())


def test_a_graph_in_int8_has_nothing_that_is_not() -> None:
    found = count_operators(toy_flatbuffer(), name="toy")
    assert (found.count, found.not_int8) == (3, {})
    assert found.not_xnnpack.get("FULLY_CONNECTED", 0) == 0


def test_float_operators_are_named() -> None:
    from keras import layers

    assert count_operators(converted(layers.ReLU()), name="float").not_int8 == {"RELU": 1}


def test_what_xnnpack_leaves_is_named() -> None:
    found = count_operators(toy_flatbuffer(order=("logits", "heatmap")), name="toy")
    assert found.not_xnnpack["AVERAGE_POOL_2D"] == 1


@pytest.mark.parametrize(
    ("operators", "said"),
    [
        (Operators(count=9, not_int8={}, not_xnnpack={}), "9 operators, all int8 and run by XNNPACK"),
        (
            Operators(count=9, not_int8={"ADD": 1}, not_xnnpack={"ABS": 2, "ADD": 1}),
            "9 operators; not int8: 1 ADD; not run by XNNPACK: 2 ABS, 1 ADD",
        ),
    ],
)
def test_for_people_it_is_a_line(operators: Operators, said: str) -> None:
    assert operators_line(operators) == said
