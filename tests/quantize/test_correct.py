"""Biases shift back the average shift by int8 weights."""

import numpy as np
import pytest

from edge.core.preprocess import to_network_input
from quantize import convert as module
from quantize.convert import convert


def decide(flatbuffer: bytes, pixels: np.ndarray) -> np.ndarray:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=flatbuffer)
    interpreter.allocate_tensors()
    entry, output = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    scale, zero_point = output["quantization"]
    logits = []
    for image in pixels:
        interpreter.set_tensor(entry["index"], image[np.newaxis])
        interpreter.invoke()
        logits.append((interpreter.get_tensor(output["index"])[0].astype(float) - zero_point) * scale)
    return np.array(logits)


def test_a_corrected_graph_is_nearer_to_float(monkeypatch: pytest.MonkeyPatch) -> None:
    import keras

    keras.utils.set_random_seed(5)
    entry = values = keras.Input((32, 32, 1))
    for filters in (16, 24, 32, 32):
        values = keras.layers.Conv2D(filters, 3, strides=2, padding="same", activation="relu6")(values)
        values = keras.layers.DepthwiseConv2D(3, padding="same", activation="relu6")(values)
    network = keras.Model(entry, keras.layers.Dense(1)(keras.layers.GlobalAveragePooling2D()(values)))
    chance = np.random.default_rng(1)
    pixels = (chance.random((220, 32, 32, 1)) * chance.random((220, 1, 1, 1)) * 255).astype(np.uint8)
    seen, unseen = pixels[:200], pixels[200:]
    truth = network(to_network_input(unseen)).numpy()
    corrected = decide(convert(network, seen), unseen)
    monkeypatch.setattr(module, "correct_biases", lambda int8, *_: int8)
    plain = decide(convert(network, seen), unseen)
    assert abs((corrected - truth).mean()) < abs((plain - truth).mean()) / 2
