"""A tiny int8 model whose answer is known: the darker the image, the higher the defect logit.

Built with the runtime's own schema, without TensorFlow: QUANTIZE, MEAN over the pixels,
FULLY_CONNECTED. The mean m of the pixels, scaled to -1…1, gives the logit -10 m. The heatmap, where
one is wanted, is how bright the picture is in each of MAP x MAP fields.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from edge.core.bundle.bundle import (
    GoldenExample,
    Manifest,
    Photographs,
    Results,
    encode_bundle,
    write_bundle,
)
from edge.core.decision import Thresholds
from edge.core.metrics import compute_metrics
from edge.core.model_spec import Heatmap
from edge.core.preprocess import InputSpec

GAIN = 10.0
OUTPUT_SCALE = 0.08
MAP = 4
INT8, UINT8, INT32 = schema.TensorType.INT8, schema.TensorType.UINT8, schema.TensorType.INT32


class _Graph:
    """Collects tensors and operators of one subgraph."""

    def __init__(self) -> None:
        self.model = schema.ModelT()
        self.model.version = 3
        self.model.buffers = [schema.BufferT()]
        self.model.operatorCodes = []
        self.graph = schema.SubGraphT()
        self.graph.tensors, self.graph.operators = [], []
        self.model.subgraphs = [self.graph]

    def tensor(
        self,
        shape: list[int],
        kind: int,
        *,
        scale: float | None,
        zero_point: int = 0,
        data: NDArray[Any] | None = None,
    ) -> int:
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = f"t{len(self.graph.tensors)}", shape, kind, 0
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(data.tobytes(), np.uint8)
            self.model.buffers.append(buffer)
            tensor.buffer = len(self.model.buffers) - 1
        if scale is not None:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale, tensor.quantization.zeroPoint = [scale], [zero_point]
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def operator(
        self, code: int, version: int, inputs: list[int], output: int, options: Any = None, kind: int = 0
    ) -> None:
        entry = schema.OperatorCodeT()
        entry.builtinCode, entry.deprecatedBuiltinCode, entry.version = code, min(code, 127), version
        self.model.operatorCodes.append(entry)
        operator = schema.OperatorT()
        operator.opcodeIndex = len(self.model.operatorCodes) - 1
        operator.inputs, operator.outputs = inputs, [output]
        operator.builtinOptions, operator.builtinOptionsType = options, kind
        self.graph.operators.append(operator)

    def encode(self) -> bytes:
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def toy_flatbuffer(
    *,
    size: int = 32,
    channels: int = 1,
    outputs: int = 1,
    order: Sequence[Literal["logits", "heatmap"]] = ("logits",),
    dynamic: bool = False,
) -> bytes:
    """The graph; with several logits their gains run from 10 to -10.

    ``order``: its output tensors; ``dynamic``: it leaves the sides of the picture open.
    """
    graph, pixel = _Graph(), 1 / 127.5
    gains = np.full(1, -GAIN) if outputs == 1 else np.linspace(GAIN, -GAIN, outputs)
    weights = np.repeat(gains[:, None] / channels * 127 / GAIN, channels, axis=1).round().astype(np.int8)
    entry = graph.tensor([1, size, size, channels], UINT8, scale=pixel, zero_point=128)
    inner = graph.tensor([1, size, size, channels], INT8, scale=pixel)
    axes = graph.tensor([2], INT32, scale=None, data=np.array([1, 2], np.int32))
    mean = graph.tensor([1, channels], INT8, scale=pixel)
    weight = graph.tensor([outputs, channels], INT8, scale=GAIN / 127, data=weights)
    bias = graph.tensor([outputs], INT32, scale=pixel * GAIN / 127, data=np.zeros(outputs, np.int32))
    logits = graph.tensor([1, outputs], INT8, scale=OUTPUT_SCALE)
    reducer, connected = schema.ReducerOptionsT(), schema.FullyConnectedOptionsT()
    graph.operator(schema.BuiltinOperator.QUANTIZE, 2, [entry], inner)
    graph.operator(
        schema.BuiltinOperator.MEAN, 2, [inner, axes], mean, reducer, schema.BuiltinOptions.ReducerOptions
    )
    graph.operator(
        schema.BuiltinOperator.FULLY_CONNECTED,
        4,
        [mean, weight, bias],
        logits,
        connected,
        schema.BuiltinOptions.FullyConnectedOptions,
    )
    if "heatmap" in order:
        tensors = {"logits": logits, "heatmap": _add_heatmap(graph, inner, size)}
    else:
        tensors = {"logits": logits}
    if dynamic:
        graph.graph.tensors[entry].shapeSignature = [1, -1, -1, channels]
    graph.graph.inputs, graph.graph.outputs = [entry], [tensors[name] for name in order]
    return graph.encode()


def _add_heatmap(graph: _Graph, inner: int, size: int) -> int:
    """The mean of each field, of the one channel of tensor ``inner``."""
    heatmap = graph.tensor([1, MAP, MAP, 1], INT8, scale=1 / 127.5)
    pool = schema.Pool2DOptionsT()
    pool.strideH = pool.strideW = pool.filterHeight = pool.filterWidth = size // MAP
    kind = schema.BuiltinOptions.Pool2DOptions
    graph.operator(schema.BuiltinOperator.AVERAGE_POOL_2D, 2, [inner], heatmap, pool, kind)
    return heatmap


def deadly_flatbuffer() -> bytes:
    """The same with a byte changed: LiteRT 2 ends in SIGSEGV where it loads this."""
    graph = bytearray(toy_flatbuffer())
    graph[18] = 0
    return bytes(graph)


def toy_manifest(
    flatbuffer: bytes,
    *,
    task: Literal["binary", "classes"] = "binary",
    size: int = 32,
    channels: Literal[1, 3] = 1,
    heatmap: bool = False,
    golden: list[GoldenExample],
) -> Manifest:
    """A manifest that fits toy_flatbuffer."""
    classes = ["ok", "defect"] if task == "binary" else ["ok", "crack", "stain"]
    metrics = compute_metrics([], task=task, classes=classes, ok_class="ok")
    return Manifest(
        format=1,
        model_name="toy",
        model_sha256=hashlib.sha256(flatbuffer).hexdigest(),
        task=task,
        classes=classes,
        ok_class="ok",
        input=InputSpec(width=size, height=size, channels=channels),
        heatmap=Heatmap(height=MAP, width=MAP) if heatmap else None,
        thresholds=Thresholds(ok_below=0.5, defect_from=0.5),
        results=Results(
            split="none",
            float32=metrics,
            int8=metrics,
            flips=0,
            largest_score_shift=0.0,
            mean_score_shift=0.0,
        ),
        photographs=Photographs(train={}, validation={}, fingerprint="0" * 64),
        training={},
        versions={},
        golden=golden,
    )


def toy_bundle_bytes(
    *,
    task: Literal["binary", "classes"] = "binary",
    size: int = 32,
    channels: Literal[1, 3] = 1,
    order: Sequence[Literal["logits", "heatmap"]] = ("logits",),
    golden_outputs: tuple[list[int], list[int]] | None = None,
) -> bytes:
    """A whole bundle with one bright and one dark golden example."""
    outputs = 1 if task == "binary" else 3
    flatbuffer = toy_flatbuffer(size=size, channels=channels, outputs=outputs, order=order)
    inputs = [np.full((size, size, channels), value, np.uint8) for value in (228, 28)]
    expected = golden_outputs or (([-98], [98]) if task == "binary" else ([98, 0, -98], [-98, 0, 98]))
    golden = [
        GoldenExample(file=f"golden/{number:03}.png", label=label, output=output)
        for number, (label, output) in enumerate(zip(("ok", "defect"), expected, strict=True))
    ]
    manifest = toy_manifest(
        flatbuffer, task=task, size=size, channels=channels, heatmap="heatmap" in order, golden=golden
    )
    return encode_bundle(manifest, flatbuffer, inputs)


def toy_bundle(path: Path, *, task: Literal["binary", "classes"] = "binary", size: int = 32) -> Path:
    """Write a bundle whose verdict is "defect" for images darker than mid grey."""
    write_bundle(path, toy_bundle_bytes(task=task, size=size))
    return path
