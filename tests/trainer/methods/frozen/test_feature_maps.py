"""Features in the maps of a backbone are seen by int8 to the bit."""

import keras
import numpy as np
import pytest
from keras import layers

from edge.core.interpreter import open_interpreter
from edge.core.preprocess import to_network_input
from quantize.convert import convert
from trainer.methods.frozen.feature_maps import average
from trainer.whole_numbers.fake_quantize import FakeQuantize, round_weights

SHAPE = 8, 12, 3
WINDOWS = [(1, 2), (2, 2), (4, 6), (2, 3), (4, 4), (8, 12), (1, 1)]


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("window", WINDOWS)
def test_a_mean_in_the_middle_of_two_steps_is_rounded_alike_in_int8(
    window: tuple[int, int], sign: int
) -> None:
    image = keras.Input(SHAPE)
    rounded = FakeQuantize(0.0, 5.3)(layers.ReLU()(layers.Conv2D(3, 1)(image)))
    network = keras.Model(image, average(rounded, window, strides=(1, 1), sign=sign))
    kernel = np.random.default_rng(1).normal(size=(1, 1, 3, 3))
    network.layers[1].set_weights([2 * kernel, np.ones(3)])
    round_weights(network)
    pixels = np.random.default_rng(2).integers(0, 256, size=(20, *SHAPE)).astype(np.uint8)
    expected = network.predict(to_network_input(pixels), verbose=0)

    interpreter = open_interpreter(convert(network, pixels), threads=1, name="means")
    interpreter.allocate_tensors()
    source, sink = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    scale, zero = sink["quantization"]
    for one, wanted in zip(pixels, expected, strict=True):
        interpreter.set_tensor(source["index"], one[np.newaxis])
        interpreter.invoke()
        found = (interpreter.get_tensor(sink["index"])[0].astype(np.float64) - zero) * scale
        assert np.abs(found - wanted).max() < scale / 2
