"""A graph through objects and back decides the same, in fewer bytes."""

import numpy as np

from edge.core.interpreter import open_interpreter
from quantize.flatbuffer import pack, shorten_names, unpack
from testing.toy_model import toy_flatbuffer


def decide(flatbuffer: bytes) -> list[int]:
    interpreter = open_interpreter(flatbuffer, threads=1, name="toy")
    entry, output = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    answers = []
    for level in range(0, 256, 15):
        interpreter.set_tensor(entry["index"], np.full(entry["shape"], level, np.uint8))
        interpreter.invoke()
        answers += interpreter.get_tensor(output["index"]).ravel().tolist()
    return answers


def test_packed_again_it_decides_the_same() -> None:
    flatbuffer = toy_flatbuffer(outputs=3)
    model = unpack(flatbuffer)
    shorten_names(model)
    assert decide(pack(model)) == decide(flatbuffer)


def test_constants_lose_their_names_and_layers_keep_theirs() -> None:
    model = unpack(toy_flatbuffer())
    shorten_names(model)
    named = {tensor.name for tensor in model.subgraphs[0].tensors}
    assert named == {None, b"t0", b"t1", b"t3", b"t6"}


def test_equal_arrays_are_written_once() -> None:
    model = unpack(toy_flatbuffer())
    before = len(pack(model))
    quantized = [tensor for tensor in model.subgraphs[0].tensors if tensor.quantization is not None]
    assert len(quantized) > 2
    for tensor in quantized:
        tensor.quantization.min = np.zeros(1000, np.float32)
    assert len(pack(model)) < before + 2 * 4000
