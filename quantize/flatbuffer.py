"""TFLite graphs as objects that can be changed, and back to bytes, with nothing written twice."""

from typing import Any

from ai_edge_litert import schema_py_generated as schema
from flatbuffers import Builder


class _SharingBuilder(Builder):  # type: ignore[misc]
    """Writes equal arrays once: a third of a small graph are the zero points, all 0, of its channels."""

    def __init__(self) -> None:
        super().__init__(1 << 20)
        self._written: dict[tuple[str, bytes], int] = {}

    def CreateNumpyVector(self, x: Any) -> int:  # noqa: N802  the name is flatbuffers'
        """Where the array is."""
        key = (x.dtype.str, x.tobytes())
        if key not in self._written:
            self._written[key] = super().CreateNumpyVector(x)
        return self._written[key]


def unpack(flatbuffer: bytes) -> Any:
    """A ModelT of the TFLite schema."""
    return schema.ModelT.InitFromPackedBuf(flatbuffer, 0)


def pack(model: Any) -> bytes:
    """The bytes of a ModelT."""
    builder = _SharingBuilder()
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def shorten_names(model: Any) -> None:
    """Leave of the names of tensors what says which layer it is: they are long, and for people only.

    Constants need none: they are seen beside their layer.
    """
    for tensor in model.subgraphs[0].tensors:
        if model.buffers[tensor.buffer].data is not None:
            tensor.name = None
            continue
        tensor.name = tensor.name.split(b";")[-1].removeprefix(b"one_1/").split(b"/", 1)[-1]
