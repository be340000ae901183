"""The TFLite runtime around one graph: pixels in, score out."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.core.bundle.bundle import Bundle, read_bundle
from edge.core.decision import class_probabilities, decide, defect_scores, has_one_logit, normalized
from edge.core.errors import BundleError, LinegateError
from edge.core.graph_trial import try_graph
from edge.core.interpreter import open_interpreter, reason_of, runtime_version
from edge.core.model_spec import ModelSpec


@dataclass(frozen=True)
class Prediction:
    """The answer of the model for one image.

    ``raw``: the outputs, int8 unless another tool made the model; ``probabilities``: (classes,) in the
    manifest's order; ``score``: 0 to 1; ``predicted``: the class with the highest probability; ``heatmap``:
    float32 (height, width), higher where a defect is more likely, or None where the bundle has none.
    """

    raw: tuple[float, ...]
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

    def real(self, raw: NDArray[Any]) -> NDArray[np.float64]:
        """The real numbers that raw values stand for."""
        return (np.asarray(raw, np.float64) - self.zero_point) * self.scale


@dataclass(frozen=True)
class _Wanted:
    """An input or output as the specification has it."""

    type: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.type} {self.shape}"


class Model:
    """One graph, run as its ``spec`` says. Not for use by several threads at once.

    Raises BundleError when the runtime cannot load the graph, or when its input and output are not as the
    specification says; ``name`` begins the message.
    """

    def __init__(self, flatbuffer: bytes, spec: ModelSpec, *, threads: int = 1, name: str = "model") -> None:
        self.spec = spec
        self._name = name
        self._interpreter = open_interpreter(flatbuffer, threads=threads, name=name)
        answers = 1 if has_one_logit(spec.task) else len(spec.classes)
        entry = _Wanted("uint8", (1, spec.input.height, spec.input.width, spec.input.channels))
        exits = [_Wanted(spec.output.type, (1, answers))]
        if spec.heatmap is not None:
            exits.append(_Wanted("int8", (1, spec.heatmap.height, spec.heatmap.width, 1)))
        (self._input,) = self._match("input", self._interpreter.get_input_details(), [entry])
        self._output, *maps = self._match("output", self._interpreter.get_output_details(), exits)
        self._heatmap = maps[0] if maps else None
        self._ok_index = None if spec.ok_class is None else spec.classes.index(spec.ok_class)
        self._of_logit: dict[int, Prediction] = {}
        """What each of the 256 values of a single int8 logit means, once it was met."""

    @property
    def input_quantization(self) -> tuple[float, int]:
        """Scale and zero point of the uint8 input."""
        return self._input.scale, self._input.zero_point

    def invoke(self, pixels: NDArray[np.uint8]) -> NDArray[Any]:
        """Raw outputs for uint8 pixels (height, width, channels) from edge.core.preprocess.

        Their type is that of the specification's output.
        """
        self._interpreter.set_tensor(self._input.index, pixels[np.newaxis])
        self._interpreter.invoke()
        output: NDArray[Any] = self._interpreter.get_tensor(self._output.index)[0]
        return output

    def predict(self, pixels: NDArray[np.uint8]) -> Prediction:
        """Score and class for uint8 pixels (height, width, channels) from edge.core.preprocess."""
        prediction = self.interpret(self.invoke(pixels))
        if self._heatmap is None:
            return prediction
        raw = self._interpreter.get_tensor(self._heatmap.index)[0, :, :, 0]
        return replace(prediction, heatmap=self._heatmap.real(raw).astype(np.float32))

    def interpret(self, raw: NDArray[Any]) -> Prediction:
        """Score and class of raw outputs; without a heatmap."""
        if raw.dtype != np.int8 or raw.size != 1:
            return self._interpret(raw)
        value = int(raw[0])
        if value not in self._of_logit:
            self._of_logit[value] = self._interpret(raw)
        return self._of_logit[value]

    def _interpret(self, raw: NDArray[Any]) -> Prediction:
        probabilities = self._probabilities(self._output.real(raw)[np.newaxis])
        score = float(defect_scores(probabilities, self._ok_index)[0])
        predicted = self.spec.classes[int(np.argmax(probabilities[0]))]
        probabilities.setflags(write=False)  # it may be handed out again
        return Prediction(tuple(raw.tolist()), probabilities[0], score, predicted)

    def _probabilities(self, answers: NDArray[np.float64]) -> NDArray[np.float64]:
        task, output = self.spec.task, self.spec.output
        rule = class_probabilities if output.values == "logits" else normalized
        with np.errstate(invalid="ignore"):  # a NaN becomes a fault, and needs no warning
            probabilities = rule(answers, task)
        ok_alone = has_one_logit(task) and output.one_means == "ok"
        return probabilities[:, ::-1] if ok_alone else probabilities

    def _match(self, what: str, details: list[dict[str, Any]], wanted: Sequence[_Wanted]) -> list[_Tensor]:
        """The wanted tensors, in whatever order the graph has them; they must be all there are."""
        if len(details) != len(wanted):
            raise BundleError(
                f"{self._name}: has {len(details)} {what}s; the manifest asks for {len(wanted)}"
            )
        found = {_Wanted(np.dtype(t["dtype"]).name, _fixed_shape(t)): t for t in details}
        matched = []
        for one in wanted:
            if one not in found:
                raise BundleError(
                    f"{self._name}: its {what} is {', '.join(map(str, found))}; the manifest asks for {one}"
                )
            tensor = found[one]
            scale, zero_point = (1.0, 0) if one.type == "float32" else tensor["quantization"]
            if not scale > 0:
                raise BundleError(f"{self._name}: its {what} has no quantization scale")
            matched.append(_Tensor(tensor["index"], float(scale), int(zero_point)))
        return matched


class BundleModel(Model):
    """The graph of a bundle, with what the bundle promises of it."""

    def __init__(self, bundle: Bundle, *, threads: int = 1, name: str = "bundle") -> None:
        super().__init__(bundle.flatbuffer, bundle.manifest.model_spec, threads=threads, name=name)
        self.bundle = bundle
        self.golden_identical = True

    def verify_golden(self) -> None:
        """Run the golden examples; raises BundleError when this device decides otherwise.

        ``golden_identical`` then tells whether even the raw outputs were the same.
        """
        manifest = self.bundle.manifest
        for example, pixels in zip(manifest.golden, self.bundle.golden_inputs, strict=True):
            expected = np.asarray(example.output)
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

    def _decides(self, raw: NDArray[Any]) -> str:
        prediction = self.interpret(raw)
        verdict = decide(prediction.score, self.bundle.manifest.thresholds)
        return str(verdict) if has_one_logit(self.spec.task) else f"{verdict} ({prediction.predicted})"


def load_model(
    path: Path,
    *,
    threads: int = 1,
    trusted_keys: Collection[str] = (),
    sha256: str | None = None,
    proven: Collection[str] = (),
) -> BundleModel:
    """Read, verify and load a bundle, and run its golden examples; raises BundleError.

    Where there are ``trusted_keys``, one of them must have signed it. With ``sha256`` the file must have
    that hash, or nothing of it is looked at. It is run in another process before, unless it is ``proven``:
    a file with that SHA-256 ran on this machine, in this runtime.
    """
    bundle = read_bundle(path, trusted_keys=trusted_keys, sha256=sha256)
    if bundle.sha256 not in proven:
        try_bundle(bundle, threads=threads, name=str(path))
    try:
        model = BundleModel(bundle, threads=threads, name=str(path))
        model.verify_golden()
    except LinegateError:
        raise
    except Exception as error:  # whatever a runtime raises
        raise BundleError(f"{path}: the TFLite runtime cannot run it ({reason_of(error)})") from error
    return model


def try_bundle(bundle: Bundle, *, threads: int = 1, name: str) -> None:
    """Run the graph in another process; raises BundleError where it can't be run, or ends that."""
    try_graph(bundle.flatbuffer, threads=threads, name=name, pictures=bundle.golden_inputs)


def _fixed_shape(tensor: dict[str, Any]) -> tuple[int, ...]:
    """The shape, with -1 for a side that the graph leaves open; how many images at once may stay open."""
    sides = [int(side) for side in tensor["shape_signature"]]
    if sides[:1] == [-1]:
        sides[0] = int(tensor["shape"][0])
    return tuple(sides)
