"""A graph that another tool made, changed so that it takes raw uint8 pixels as every bundle does.

Nothing that it computes changes: what its users did to pixels beforehand becomes its first operators.
"""

import struct
from dataclasses import dataclass
from math import floor
from pathlib import Path
from typing import Any, Literal

from ai_edge_litert import schema_py_generated as schema

from edge.core.bundle.bundle import MAX_BUNDLE_BYTES
from edge.core.errors import InputError
from edge.core.graph_trial import try_graph
from edge.core.interpreter import open_interpreter
from quantize.flatbuffer import pack, unpack
from quantize.metadata import normalization

_FLOAT32, _INT8, _UINT8 = schema.TensorType.FLOAT32, schema.TensorType.INT8, schema.TensorType.UINT8
_TYPES: dict[int, Literal["float32", "int8", "uint8"]] = {
    _FLOAT32: "float32",
    _INT8: "int8",
    _UINT8: "uint8",
}
_LOWEST = {_INT8: -128, _UINT8: 0}
_PASSED_OVER = (
    schema.BuiltinOperator.QUANTIZE,
    schema.BuiltinOperator.DEQUANTIZE,
    schema.BuiltinOperator.RESHAPE,
)
_METADATA = b"TFLITE_METADATA"
_TO_PROBABILITIES = (schema.BuiltinOperator.SOFTMAX, schema.BuiltinOperator.LOGISTIC)


@dataclass(frozen=True)
class Scaling:
    """The scaling that the model expects of a pixel of 0 to 255: (pixel - mean) / deviation."""

    name: str
    mean: float
    deviation: float


SCALINGS = {
    name: Scaling(name, mean, deviation)
    for name, mean, deviation in (("0..1", 0.0, 255.0), ("-1..1", 127.5, 127.5), ("0..255", 0.0, 1.0))
}
SCALE_HELP = "0..1, -1..1, 0..255 or MEAN,STD"


def read_scaling(text: str) -> Scaling:
    """The scaling that ``--scale`` names; raises InputError."""
    if text in SCALINGS:
        return SCALINGS[text]
    try:
        mean, deviation = (float(number) for number in text.split(","))
    except ValueError:
        raise InputError(f"--scale {text}: expected {SCALE_HELP}") from None
    found = scaling_of(mean, deviation)
    if found is None:
        raise InputError(f"--scale {text}: expected a mean, and a standard deviation above 0")
    return found


def scaling_of(mean: float, deviation: float) -> Scaling | None:
    """The scaling with these figures, under its usual name if it has one; None where they can't be."""
    if not (abs(mean) <= 1e6 and 1e-6 <= deviation <= 1e6):
        return None
    usual = (known for known in SCALINGS.values() if (known.mean, known.deviation) == (mean, deviation))
    return next(usual, Scaling(f"(pixel - {mean:g}) / {deviation:g}", mean, deviation))


def read_graph(file: Path) -> bytes:
    """The bytes of a TFLite file that is small enough for a bundle; raises InputError."""
    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_BUNDLE_BYTES + 1)
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror})") from error
    if len(content) > MAX_BUNDLE_BYTES:
        raise InputError(f"{file}: larger than {MAX_BUNDLE_BYTES // 2**20} MiB")
    return content


class ExternalModel:
    """An image classifier in TFLite form: one image in, one row of numbers out."""

    def __init__(self, flatbuffer: bytes, name: str) -> None:
        """Raises InputError where it is no image classifier, BundleError where the runtime cannot load it."""
        self._name = name
        if flatbuffer[4:8] != b"TFL3":
            raise InputError(f"{name}: not a TensorFlow Lite file")
        try_graph(flatbuffer, threads=1, name=name)
        open_interpreter(flatbuffer, threads=1, name=name)  # which looks at every offset in the file
        try:
            self._model = unpack(flatbuffer)
        except (struct.error, IndexError, TypeError, ValueError) as error:
            raise InputError(f"{name}: not a whole TensorFlow Lite file") from error
        self._graph = self._model.subgraphs[0]
        self._entry = self._only("input", self._graph.inputs)
        self._exit = self._only("output", self._graph.outputs)
        self.height, self.width, self.channels = self._sides()
        self.outputs = self._outputs()

    @property
    def output_type(self) -> Literal["float32", "int8", "uint8"]:
        """The type of the answers."""
        return _TYPES[self._exit.type]

    @property
    def gives_probabilities(self) -> bool:
        """True if the last operator that computes is a softmax or a sigmoid."""
        makers = {
            int(tensor): operator
            for operator in self._graph.operators
            for tensor in (operator.outputs if operator.outputs is not None else [])
        }
        tensor = int(self._graph.outputs[0])
        while (operator := makers.pop(tensor, None)) is not None:
            kind = self._kind(operator)
            if kind not in _PASSED_OVER:
                return kind in _TO_PROBABILITIES
            tensor = int(operator.inputs[0])
        return False

    def take_pixels(self, scaling: Scaling | None) -> Scaling:
        """Make raw uint8 pixels the input; without a scaling, one that the file itself tells.

        Raises InputError where none is given and none can be told.
        """
        scaling = scaling or self._scaling_of_metadata()
        if self._entry.type == _FLOAT32:
            if scaling is None:
                raise InputError(
                    f"{self._name}: takes float32, and does not say of which range: --scale {SCALE_HELP}"
                )
            self._dequantize_pixels(scaling)
            return scaling
        if not _quantized(self._entry):
            return self._declare_pixels(scaling)
        chosen = scaling or self._told_scaling()
        self._requantize_pixels(chosen)
        return chosen

    def encode(self) -> bytes:
        """The graph as a flatbuffer, without what was appended to the file that it came in."""
        self._model.metadata = [item for item in self._model.metadata or [] if item.name != _METADATA]
        return pack(self._model)

    def _only(self, what: str, tensors: Any) -> Any:
        if len(tensors) != 1:
            raise InputError(f"{self._name}: has {len(tensors)} {what}s; an image classifier has one")
        tensor = self._graph.tensors[int(tensors[0])]
        if tensor.type not in _TYPES:
            raise InputError(f"{self._name}: its {what} is not float32, int8 or uint8")
        plain_pixels = what == "input" and tensor.type == _UINT8
        if tensor.type != _FLOAT32 and not plain_pixels and not _quantized(tensor):
            raise InputError(f"{self._name}: its {what} is of whole numbers without a quantization scale")
        return tensor

    def _sides(self) -> tuple[int, int, int]:
        shape = [int(side) for side in (self._entry.shape if self._entry.shape is not None else [])]
        open_sides = self._entry.shapeSignature
        if open_sides is not None and -1 in [int(side) for side in open_sides[1:]]:
            raise InputError(f"{self._name}: its input has no fixed size; convert it with one")
        if len(shape) != 4 or shape[0] != 1 or shape[3] not in (1, 3):
            raise InputError(
                f"{self._name}: its input is {shape}; expected [1, height, width, 1 or 3], one image"
            )
        return shape[1], shape[2], shape[3]

    def _outputs(self) -> int:
        shape = [int(side) for side in (self._exit.shape if self._exit.shape is not None else [])]
        if len(shape) != 2 or shape[0] != 1:
            raise InputError(f"{self._name}: its output is {shape}; expected [1, classes]")
        return shape[1]

    def _dequantize_pixels(self, scaling: Scaling) -> None:
        """DEQUANTIZE, and ADD where the mean is not a whole number of pixels."""
        old = int(self._graph.inputs[0])
        whole = scaling.mean.is_integer() and 0 <= scaling.mean <= 255
        pixels = self._add_pixels(1 / scaling.deviation, int(scaling.mean) if whole else 0)
        if whole:
            self._put_first(schema.BuiltinOperator.DEQUANTIZE, 1, [pixels], old)
            return
        real = self._add_tensor(b"linegate_real", self._shape(), _FLOAT32)
        shift = self._add_tensor(b"linegate_shift", [1], _FLOAT32)
        self._graph.tensors[shift].buffer = len(self._model.buffers)
        constant = schema.BufferT()
        constant.data = list(struct.pack("<f", -scaling.mean / scaling.deviation))
        self._model.buffers.append(constant)
        self._put_first(schema.BuiltinOperator.ADD, 1, [real, shift], old, schema.AddOptionsT())
        self._put_first(schema.BuiltinOperator.DEQUANTIZE, 1, [pixels], real)

    def _requantize_pixels(self, scaling: Scaling) -> None:
        """QUANTIZE, where pixels are not already the steps that the graph takes.

        Half a step is rounded up: the input has no finer ones.
        """
        scale, zero_point = _quantization(self._entry)
        lowest = _LOWEST[self._entry.type]
        step, first = self._steps(scaling)
        if abs(step - 1) * 255 < 1:  # as fine as pixels: shifted alone, which is exact
            first = lowest if abs(first - lowest) <= 1 else floor(first + 0.5)
            if lowest == first == 0:
                self._entry.shapeSignature = None
                return
            pixel_scale, pixel_zero_point = scale, zero_point - int(first)
        else:
            pixel_scale, pixel_zero_point = 1 / scaling.deviation, round(scaling.mean)
        if not 0 <= pixel_zero_point <= 255:
            raise InputError(
                f"{self._name}: its input of whole numbers cannot be made of pixels with --scale "
                f"{scaling.name}; {self._input_line()}"
            )
        pixels = self._add_pixels(pixel_scale, pixel_zero_point)
        self._put_first(schema.BuiltinOperator.QUANTIZE, 2, [pixels], int(self._graph.inputs[0]), None)

    def _scaling_of_metadata(self) -> Scaling | None:
        for item in self._model.metadata or []:
            if item.name == _METADATA and item.buffer < len(self._model.buffers):
                data = self._model.buffers[item.buffer].data
                found = normalization(bytes(data)) if data is not None else None
                return None if found is None else scaling_of(*found)
        return None

    def _declare_pixels(self, scaling: Scaling | None) -> Scaling:
        """A graph that takes bytes without a scale does what it wants with pixels by itself."""
        if scaling not in (None, SCALINGS["0..255"]):
            raise InputError(f"{self._name}: takes pixels as they are; expected --scale 0..255, or none")
        self._entry.quantization, self._entry.shapeSignature = _one_scale(1.0, 0), None
        return SCALINGS["0..255"]

    def _told_scaling(self) -> Scaling:
        """The usual scaling under which pixels 0 to 255 are the steps that the graph takes, first to last."""
        for scaling in SCALINGS.values():
            step, first = self._steps(scaling)
            if abs(step - 1) < 0.01 and abs(first - _LOWEST[self._entry.type]) <= 1:
                return scaling
        raise InputError(
            f"{self._name}: {self._input_line()}, which is none of the usual scalings: --scale {SCALE_HELP}"
        )

    def _steps(self, scaling: Scaling) -> tuple[float, float]:
        """The number of steps of the input from a pixel to the next, and the one of pixel 0."""
        scale, zero_point = _quantization(self._entry)
        step = 1 / (scaling.deviation * scale)
        return step, zero_point - scaling.mean * step

    def _input_line(self) -> str:
        scale, zero_point = _quantization(self._entry)
        return f"its {_TYPES[self._entry.type]} input has scale {scale:.6g} and zero point {zero_point}"

    def _kind(self, operator: Any) -> int:
        code = self._model.operatorCodes[operator.opcodeIndex]
        return int(max(code.builtinCode, code.deprecatedBuiltinCode))

    def _shape(self) -> list[int]:
        return [1, self.height, self.width, self.channels]

    def _add_tensor(self, name: bytes, shape: list[int], kind: int) -> int:
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = name, shape, kind, 0
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def _add_pixels(self, scale: float, zero_point: int) -> int:
        """The new input, in the place of the old one wherever the file names it."""
        old, new = int(self._graph.inputs[0]), self._add_tensor(b"pixels", self._shape(), _UINT8)
        self._graph.tensors[new].quantization = _one_scale(scale, zero_point)
        self._entry.shapeSignature = None
        for signature in self._model.signatureDefs or []:
            for item in signature.inputs or []:
                if int(item.tensorIndex) == old:
                    item.tensorIndex = new
        return new

    def _put_first(
        self, code: int, version: int, inputs: list[int], output: int, options: Any = None
    ) -> None:
        entry = schema.OperatorCodeT()
        entry.builtinCode, entry.deprecatedBuiltinCode, entry.version = code, code, version
        self._model.operatorCodes.append(entry)
        operator = schema.OperatorT()
        operator.opcodeIndex = len(self._model.operatorCodes) - 1
        operator.inputs, operator.outputs = inputs, [output]
        if options is not None:
            operator.builtinOptions, operator.builtinOptionsType = options, schema.BuiltinOptions.AddOptions
        self._graph.operators.insert(0, operator)
        self._graph.inputs = [inputs[0]]


def _quantized(tensor: Any) -> bool:
    found = tensor.quantization
    return found is not None and found.scale is not None and len(found.scale) == 1 and found.scale[0] > 0


def _quantization(tensor: Any) -> tuple[float, int]:
    return float(tensor.quantization.scale[0]), int(tensor.quantization.zeroPoint[0])


def _one_scale(scale: float, zero_point: int) -> Any:
    quantization = schema.QuantizationParametersT()
    quantization.scale, quantization.zeroPoint = [scale], [zero_point]
    return quantization
