"""The layer at which int8 loses most is named."""

import numpy as np

from quantize.convert import convert
from quantize.layers import worst_layers


def test_a_layer_with_one_huge_channel_is_named_first() -> None:
    import keras

    keras.utils.set_random_seed(5)
    entry = values = keras.Input((32, 32, 1))
    for name in ("early", "guilty", "late"):
        values = keras.layers.Conv2D(16, 3, strides=2, padding="same", activation="relu", name=name)(values)
    network = keras.Model(entry, keras.layers.Dense(1)(keras.layers.GlobalAveragePooling2D()(values)))
    kernel, bias = network.get_layer("guilty").get_weights()
    kernel[..., 0] *= 300  # its step is then larger than all that the others say
    network.get_layer("guilty").set_weights([kernel, bias])
    kernel, bias = network.get_layer("late").get_weights()
    kernel[:, :, 0] = 0  # and nobody needs it
    network.get_layer("late").set_weights([kernel, bias])
    pixels = np.random.default_rng(1).integers(0, 256, (40, 32, 32, 1), dtype=np.uint8)
    worst = worst_layers(network, convert(network, pixels), pixels)
    assert worst
    assert "guilty" in worst[0].layer
    assert worst[0].error > 2 * worst[0].before
