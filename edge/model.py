"""The TFLite runtime around one bundle: pixels in, score out."""

import importlib
from dataclasses import dataclass
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
    0 to 1; ``predicted``: the class with the highest probability.
    """

    raw: tuple[int, ...]
    probabilities: NDArray[np.float64]
    score: float
    predicted: str


class Model:
    """One loaded bundle. Not for use by several threads at once.

    Raises BundleError when the runtime cannot load the graph, or when its input and output are
    not what the manifest says.
    """

    def __init__(self, bundle: Bundle, *, threads: int = 1, name: str = "bundle") -> None:
        self.bundle = bundle
        self._name = name
        self._interpreter = _interpreter(bundle.flatbuffer, threads, name)
        details_in, details_out = (
            self._interpreter.get_input_details(),
            self._interpreter.get_output_details(),
        )
        manifest = bundle.manifest
        spec = manifest.input
        outputs = 1 if has_one_logit(manifest.task) else len(manifest.classes)
        self._demand("input", details_in, np.uint8, (1, spec.height, spec.width, spec.channels))
        self._demand("output", details_out, np.int8, (1, outputs))
        self._input, self._output = details_in[0]["index"], details_out[0]["index"]
        self._scale, self._zero_point = details_out[0]["quantization"]
        if not self._scale > 0:
            raise BundleError(f"{name}: its output has no quantization scale; `quantize` writes one")
        self._ok_index = None if manifest.ok_class is None else manifest.classes.index(manifest.ok_class)
        self.golden_identical = True

    @property
    def input_quantization(self) -> tuple[float, int]:
        """Scale and zero point of the uint8 input."""
        scale, zero_point = self._interpreter.get_input_details()[0]["quantization"]
        return float(scale), int(zero_point)

    def invoke(self, pixels: NDArray[np.uint8]) -> NDArray[np.int8]:
        """Raw int8 outputs for uint8 pixels (height, width, channels) from edge.preprocess."""
        self._interpreter.set_tensor(self._input, pixels[np.newaxis])
        self._interpreter.invoke()
        output: NDArray[np.int8] = self._interpreter.get_tensor(self._output)[0]
        return output

    def predict(self, pixels: NDArray[np.uint8]) -> Prediction:
        """Score and class for uint8 pixels (height, width, channels) from edge.preprocess."""
        return self.interpret(self.invoke(pixels))

    def interpret(self, raw: NDArray[np.int8]) -> Prediction:
        """Score and class of raw int8 outputs."""
        manifest = self.bundle.manifest
        logits = (raw.astype(np.float64) - self._zero_point) * self._scale
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

    def _demand(self, what: str, details: list[dict[str, Any]], dtype: type, shape: tuple[int, ...]) -> None:
        if len(details) != 1:
            raise BundleError(f"{self._name}: has {len(details)} {what}s; 1 would be right")
        found_type, found_shape = np.dtype(details[0]["dtype"]), tuple(int(n) for n in details[0]["shape"])
        if found_type != np.dtype(dtype) or found_shape != shape:
            raise BundleError(
                f"{self._name}: its {what} is {found_type} {found_shape}; "
                f"the manifest asks for {np.dtype(dtype)} {shape}"
            )


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
