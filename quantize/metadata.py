"""TFLite metadata of the input (tflite-support, metadata_schema.fbs; only what is used here)."""

import struct
from typing import Any

from flatbuffers.number_types import Float32Flags, Uint8Flags
from flatbuffers.table import Table

# The places of fields in their tables, in the order of the schema.
_MODEL_SUBGRAPHS, _SUBGRAPH_INPUTS, _TENSOR_UNITS, _UNIT_KIND, _UNIT_OPTIONS, _MEAN, _STD = (
    3,
    2,
    4,
    0,
    1,
    0,
    1,
)
_NORMALIZATION = 1
_MOST = 16  # of anything that is listed


def normalization(metadata: bytes) -> tuple[float, float] | None:
    """Mean and standard deviation that pixels of the first input are scaled by.

    None where there are none, where they differ between channels, and where the metadata are damaged.
    """
    try:
        root = Table(metadata, struct.unpack_from("<I", metadata)[0])
        units = [
            unit
            for graph in _tables(root, _MODEL_SUBGRAPHS)[:1]
            for tensor in _tables(graph, _SUBGRAPH_INPUTS)[:1]
            for unit in _tables(tensor, _TENSOR_UNITS)
        ]
        for unit in units:
            kind, options = _offset(unit, _UNIT_KIND), _offset(unit, _UNIT_OPTIONS)
            if kind and options and unit.Get(Uint8Flags, unit.Pos + kind) == _NORMALIZATION:
                found = Table(metadata, 0)
                unit.Union(found, options)
                mean, deviation = set(_floats(found, _MEAN)), set(_floats(found, _STD))
                return (mean.pop(), deviation.pop()) if len(mean) == len(deviation) == 1 else None
    except (struct.error, IndexError, TypeError, ValueError):
        return None
    return None


def _offset(table: Any, field: int) -> int:
    """Where a field begins in its table; 0 where it is absent."""
    return int(table.Offset(4 + 2 * field))


def _tables(table: Any, field: int) -> list[Any]:
    offset = _offset(table, field)
    if not offset:
        return []
    start, count = table.Vector(offset), min(table.VectorLen(offset), _MOST)
    return [Table(table.Bytes, table.Indirect(start + 4 * number)) for number in range(count)]


def _floats(table: Any, field: int) -> list[float]:
    offset = _offset(table, field)
    if not offset:
        return []
    start, count = table.Vector(offset), min(table.VectorLen(offset), _MOST)
    return [float(table.Get(Float32Flags, start + 4 * number)) for number in range(count)]
