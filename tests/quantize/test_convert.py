"""A network that rounds as int8 will says the same on int8, sums in the middle of two steps included."""

import keras
import numpy as np

from edge.core.interpreter import open_interpreter
from edge.core.preprocess import PIXEL_STEP, to_network_input
from quantize.convert import convert
from quantize.fake_quantize import FakeQuantize

STEP = 1 / 32
FINE = 1 / 16  # the step of the kernel: a sum is a multiple of a 64th of STEP


def test_every_sum_is_rounded_as_the_float_network_rounds_it() -> None:
    entry = keras.Input((32, 32, 1))
    convolution = keras.layers.Conv2D(1, (1, 2), use_bias=False)
    values = FakeQuantize(0.0, 255 * STEP)(keras.layers.ReLU()(convolution(entry)))
    network = keras.Model(entry, values)
    convolution.set_weights([np.array([127, 3], np.float32).reshape(1, 2, 1, 1) * np.float32(FINE)])
    pixels = np.random.default_rng(1).integers(0, 256, (8, 32, 32, 1), dtype=np.uint8)

    sums = (np.asarray(convolution(to_network_input(pixels))) / STEP) % 1
    assert (sums == 0.5).sum() > 50, "some lie in the middle"
    assert PIXEL_STEP * FINE / STEP == 1 / 64
    interpreter = open_interpreter(convert(network, pixels), threads=1, name="sums")
    entry_at = interpreter.get_input_details()[0]["index"]
    exit_at = interpreter.get_output_details()[0]["index"]
    for image in pixels:
        interpreter.set_tensor(entry_at, image[np.newaxis])
        interpreter.invoke()
        found = interpreter.get_tensor(exit_at).astype(int) + 128
        wanted = np.asarray(network(to_network_input(image[np.newaxis]))) / STEP
        assert (found == wanted).all()
