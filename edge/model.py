"""The TFLite runtime around one bundle: pixels in, score out."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.bundle import Bundle, read_bundle
from edge.chatter import without_chatter
from edge.decision import class_probabilities, decide, defect_scores, has_one_logit
from edge.errors import BundleError, LinegateError

# The successor first; tflite-runtime serves where there is no ai-edge-litert.
_RUNTIMES = (
    ("ai-edge-litert", "ai_edge_litert.interpreter"),
    ("tflite-runtime", "tflite_runtime.interpreter"),
)


@dataclass(frozen=True)
class Prediction:
    """What the model says of one image.

    ``raw``: the int8 outputs; ``probabilities``: (classes,) in the manifest's order; ``score``:
    0 to 1; ``predicted``: the class with the highest probability; ``heatmap``: float32 (height, width),
    higher where a defect is more likely, or None where the bundle has none.
    """

    raw: tuple[int, ...]
    probabilities: NDArray[np.float64]
    score: float
    predicted: str
    heatmap: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class _Tensor:
    """An input or output of the graph; real value = (raw - zero_point) * scale."""

    index: int
    scale: float
    zero_point: int


class Model:
    """One loaded bundle. Not for use by several threads at once.

    Raises BundleError when the runtime cannot load the graph, or when its input and output are
    not what the manifest says.
    """

    def __init__(self, bundle: Bundle, *, threads: int = 1, name: str = "bundle") -> None:
        self.bundle = bundle
        self._name = name
        self._interpreter = _interpreter(bundle.flatbuffer, threads, name)
        manifest = bundle.manifest
        spec, heatmap = manifest.input, manifest.heatmap
        answers = 1 if has_one_logit(manifest.task) else len(manifest.classes)
        shapes = [(1, answers)] + ([(1, heatmap.height, heatmap.width, 1)] if heatmap else [])
        entry = (1, spec.height, spec.width, spec.channels)
        (self._input,) = self._match("input", self._interpreter.get_input_details(), np.uint8, [entry])
        found = self._match("output", self._interpreter.get_output_details(), np.int8, shapes)
        self._output, self._heatmap = found[0], found[1] if heatmap else None
        self._ok_index = None if manifest.ok_class is None else manifest.classes.index(manifest.ok_class)
        self.golden_identical = True

    @property
    def input_quantization(self) -> tuple[float, int]:
        """Scale and zero point of the uint8 input."""
        return self._input.scale, self._input.zero_point

    def invoke(self, pixels: NDArray[np.uint8]) -> NDArray[np.int8]:
        """Raw int8 outputs for uint8 pixels (height, width, channels) from edge.preprocess."""
        self._interpreter.set_tensor(self._input.index, pixels[np.newaxis])
        self._interpreter.invoke()
        output: NDArray[np.int8] = self._interpreter.get_tensor(self._output.index)[0]
        return output

    def predict(self, pixels: NDArray[np.uint8]) -> Prediction:
        """Score and class for uint8 pixels (height, width, channels) from edge.preprocess."""
        prediction = self.interpret(self.invoke(pixels))
        if self._heatmap is None:
            return prediction
        raw = self._interpreter.get_tensor(self._heatmap.index)[0, :, :, 0].astype(np.float32)
        heatmap = (raw - np.float32(self._heatmap.zero_point)) * np.float32(self._heatmap.scale)
        return replace(prediction, heatmap=heatmap)

    def interpret(self, raw: NDArray[np.int8]) -> Prediction:
        """Score and class of raw int8 outputs; without a heatmap."""
        manifest = self.bundle.manifest
        logits = (raw.astype(np.float64) - self._output.zero_point) * self._output.scale
        probabilities = class_probabilities(logits[np.newaxis], manifest.task)
        score = float(defect_scores(probabilities, self._ok_index)[0])
        predicted = manifest.classes[int(np.argmax(probabilities[0]))]
        return Prediction(tuple(int(value) for value in raw), probabilities[0], score, predicted)

    def verify_golden(self) -> None:
        """Run the golden examples; raises BundleError when this device decides otherwise.

        ``golden_identical`` then tells whether even the raw outputs were the same.
        """
        manifest = self.bundle.manifest
        for example, pixels in zip(manifest.golden, self.bundle.golden_inputs, strict=True):
            expected = np.asarray(example.output, np.int8)
            raw = self.invoke(pixels)
            if raw.shape != expected.shape:
                raise BundleError(f"{self._name}: {example.file} expects {len(expected)} outputs")
            self.golden_identical &= bool(np.array_equal(raw, expected))
            if self._decides(raw) != self._decides(expected):
                raise BundleError(
                    f"{self._name}: on this device {example.file} is {self._decides(raw)}, where "
                    f"{self._decides(expected)} was verified; another runtime version may help "
                    f"({runtime_version()} is installed)"
                )

    def _decides(self, raw: NDArray[np.int8]) -> str:
        prediction = self.interpret(raw)
        verdict = decide(prediction.score, self.bundle.manifest.thresholds)
        one_logit = has_one_logit(self.bundle.manifest.task)
        return str(verdict) if one_logit else f"{verdict} ({prediction.predicted})"

    def _match(
        self, what: str, details: list[dict[str, Any]], dtype: type, shapes: Sequence[tuple[int, ...]]
    ) -> list[_Tensor]:
        """The tensors with these shapes, in whatever order the graph has them; they must be all there are."""
        if len(details) != len(shapes):
            raise BundleError(
                f"{self._name}: has {len(details)} {what}s; the manifest asks for {len(shapes)}"
            )
        by_shape = {_fixed_shape(tensor): tensor for tensor in details}
        matched = []
        for shape in shapes:
            tensor = by_shape.get(shape)
            if tensor is None or np.dtype(tensor["dtype"]) != np.dtype(dtype):
                found = ", ".join(f"{np.dtype(t['dtype'])} {shape}" for shape, t in by_shape.items())
                raise BundleError(
                    f"{self._name}: its {what} is {found}; the manifest asks for {np.dtype(dtype)} {shape}"
                )
            scale, zero_point = tensor["quantization"]
            if not scale > 0:
                raise BundleError(
                    f"{self._name}: its {what} has no quantization scale; `quantize` writes one"
                )
            matched.append(_Tensor(tensor["index"], float(scale), int(zero_point)))
        return matched


def load_model(path: Path, *, threads: int = 1) -> Model:
    """Read, verify and load a bundle, and run its golden examples; raises BundleError."""
    model = Model(read_bundle(path), threads=threads, name=str(path))
    model.verify_golden()
    return model


def runtime_version() -> str:
    """Name and version of the runtime that decides; "none" if there is none."""
    for distribution, module in _RUNTIMES:
        try:
            importlib.import_module(module)
            return f"{distribution} {version(distribution)}"
        except (ImportError, PackageNotFoundError):
            continue
    return "none"


def _fixed_shape(tensor: dict[str, Any]) -> tuple[int, ...]:
    """The shape, with -1 for a side that the graph leaves open; how many images at once may stay open."""
    sides = [int(side) for side in tensor["shape_signature"]]
    if sides[:1] == [-1]:
        sides[0] = int(tensor["shape"][0])
    return tuple(sides)


def _interpreter(flatbuffer: bytes, threads: int, name: str) -> Any:
    for _, module in _RUNTIMES:
        try:
            runtime = importlib.import_module(module)
        except ImportError:
            continue
        try:
            with without_chatter():
                interpreter = runtime.Interpreter(model_content=flatbuffer, num_threads=threads)
                interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise BundleError(f"{name}: the TFLite runtime cannot load it ({reason})") from error
        return interpreter
    raise LinegateError("no TFLite runtime is installed; pip install ai-edge-litert")
