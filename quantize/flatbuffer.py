"""TFLite graphs as objects that can be changed, and back to bytes, with nothing written twice."""

from copy import copy
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


class _Table:
    """A part of a graph that is written once, however many point at it."""

    def __init__(self, table: Any) -> None:
        self._table, self._where = table, 0

    def Pack(self, builder: Builder) -> int:  # noqa: N802  the name is flatbuffers'
        """Where the table is."""
        self._where = self._where or self._table.Pack(builder)
        return self._where


def pack(model: Any) -> bytes:
    """The bytes of a ModelT."""
    builder = _SharingBuilder()
    builder.Finish(_with_shared_tables(model).Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _with_shared_tables(model: Any) -> Any:
    """A copy in which equal quantizations and equal options of operators are one."""
    tables: dict[tuple[type, bytes], _Table] = {}

    def shared(table: Any) -> _Table | None:
        if table is None:
            return None
        return tables.setdefault((type(table), _written(table)), _Table(table))

    whole, graph = copy(model), copy(model.subgraphs[0])
    graph.tensors, graph.operators = list(map(copy, graph.tensors)), list(map(copy, graph.operators))
    for tensor in graph.tensors:
        tensor.quantization = shared(tensor.quantization)
    for operator in graph.operators:
        operator.builtinOptions = shared(operator.builtinOptions)
    whole.subgraphs = [graph, *model.subgraphs[1:]]
    return whole


def _written(table: Any) -> bytes:
    """A table as it would stand in a file of its own."""
    builder = Builder()
    builder.Finish(table.Pack(builder))
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
