"""Bias correction: int8 weights shift the mean of a channel, and its bias can shift it back.

Nagel et al. 2019 (arXiv:1906.04721), section 4.2, with means that are measured on photographs:
layer after layer the int8 graph is run beside the float one, and what differs on average goes
into the layer's int32 bias. Nothing else of the graph changes.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray
from tqdm import tqdm

from edge.core.native_stderr import native_stderr_filtered
from edge.core.preprocess import to_network_input
from quantize.flatbuffer import pack, unpack

PHOTOGRAPHS, PASSES = 64, 2
_WITH_BIAS = (
    schema.BuiltinOperator.CONV_2D,
    schema.BuiltinOperator.DEPTHWISE_CONV_2D,
    schema.BuiltinOperator.FULLY_CONNECTED,
)


def correct_biases(int8: bytes, float32: bytes, pixels: NDArray[np.uint8]) -> bytes:
    """The int8 graph with corrected biases; ``float32`` is the same network, converted as it is.

    ``pixels``: uint8 (N, H, W, C), of which PASSES times PHOTOGRAPHS are used: a second pass
    corrects what the first, where ReLU6 cut values off, only half did.
    """
    for start in range(0, min(len(pixels), PASSES * PHOTOGRAPHS), PHOTOGRAPHS):
        int8 = _correct(int8, float32, pixels[start : start + PHOTOGRAPHS])
    return int8


def _correct(int8: bytes, float32: bytes, sample: NDArray[np.uint8]) -> bytes:
    model = unpack(int8)
    graph = model.subgraphs[0]
    wanted = _means(float32, to_network_input(sample), None)
    layers = [operator for operator in graph.operators if _has_bias(model, operator)]
    for operator in tqdm(layers, desc="correcting", unit="layer", disable=None):
        name = graph.tensors[operator.outputs[0]].name
        if name not in wanted:
            continue
        found = _means(pack(model), sample, name)[name]
        tensor = graph.tensors[operator.inputs[2]]
        buffer = model.buffers[tensor.buffer]
        bias = np.asarray(buffer.data, np.uint8).view(np.int32)
        steps = np.round((wanted[name] - found) / np.asarray(tensor.quantization.scale))
        buffer.data = (bias + steps.astype(np.int32)).astype(np.int32).view(np.uint8)
    return pack(model)


def round_halves_up(model: Any) -> None:
    """Make the scales of a graph's kernels larger by the last digit of a float32, in place.

    Where a sum lies in the middle between two whole numbers, one runtime would round it to the even one
    and another away from zero; fake quantization, and now all of them, round it up.
    """
    graph = model.subgraphs[0]
    kernels = {operator.inputs[1] for operator in graph.operators if _kind(model, operator) in _WITH_BIAS}
    for number in kernels:
        quantization = graph.tensors[number].quantization
        quantization.scale = np.asarray(quantization.scale, np.float32) * np.float32(1 + 2**-23)


def _has_bias(model: Any, operator: Any) -> bool:
    return _kind(model, operator) in _WITH_BIAS and len(operator.inputs) > 2 and operator.inputs[2] >= 0


def _kind(model: Any, operator: Any) -> int:
    code = model.operatorCodes[operator.opcodeIndex]
    return int(max(code.builtinCode, code.deprecatedBuiltinCode))


def _means(flatbuffer: bytes, images: NDArray[Any], only: bytes | None) -> dict[bytes, NDArray[np.float64]]:
    """The mean of each channel of each tensor (or of one) over the images, in real numbers."""
    sums: dict[bytes, NDArray[np.float64]] = {}
    for found in real_values(flatbuffer, images, only):
        for name, values in found.items():
            mean = values.reshape(-1, values.shape[-1]).mean(axis=0) if values.ndim else values
            sums[name] = sums.get(name, 0) + np.asarray(mean, np.float64)
    return {name: total / len(images) for name, total in sums.items()}


def real_values(
    flatbuffer: bytes, images: NDArray[Any], only: bytes | None = None
) -> Iterator[dict[bytes, NDArray[np.float64]]]:
    """The values of each tensor (or one), in real numbers, by its name, for one image after the other.

    By LiteRT's own kernels: XNNPACK does not show what lies between its layers.
    """
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    with native_stderr_filtered():
        interpreter = Interpreter(
            model_content=flatbuffer,
            experimental_preserve_all_tensors=True,
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
        interpreter.allocate_tensors()
    entry = interpreter.get_input_details()[0]["index"]
    watched = {
        details["name"].encode(): details
        for details in interpreter.get_tensor_details()
        if details["index"] != entry and (only is None or details["name"].encode() == only)
    }
    for image in images:
        interpreter.set_tensor(entry, image[np.newaxis])
        interpreter.invoke()
        found = {}
        for name, details in watched.items():
            try:
                values = interpreter.get_tensor(details["index"])
            except ValueError:  # a constant that the runtime keeps elsewhere
                continue
            scale, zero_point = details["quantization"]
            found[name] = np.asarray((values.astype(np.float64) - zero_point) * scale if scale else values)
        yield found
