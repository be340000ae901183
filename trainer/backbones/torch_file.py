"""Named tensors from a file that PyTorch 1.5 and older wrote, without PyTorch and without running anything.

The file is five pickles (a magic number, a version, how the writer stored numbers, the tensors as views of
numbered storages, the order of the storages) and then, for each storage, the count of its numbers and
the numbers. A pickle may name any function of any module and have it called: here four names are known, none
of which does more than say what a tensor looks like, and all others are refused.
"""

import hashlib
import io
import math
import pickle
import struct
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.core.errors import InputError

_MAGIC = 0x1950A86A20F9469CFC6C
_VERSION = 1001
_MOST_BYTES = 2**28

Tensors = dict[str, NDArray[Any]]


def read_tensors(path: Path, *, sha256: str) -> Tensors:
    """The tensors by name, each (C order) as its shape and strides say.

    Raises InputError where the file is not there, or is not the one with this SHA-256.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise InputError(f"{path}: the file was changed: its SHA-256 is not {sha256[:12]}…; install it again")
    return parse_tensors(content, name=str(path))


def parse_tensors(content: bytes, *, name: str) -> Tensors:
    """The tensors of a file's bytes; raises InputError, which begins with ``name``, for any other bytes."""
    try:
        return _tensors(io.BytesIO(content))
    except Exception as error:  # whatever a hostile pickle makes the unpickler raise
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{name}: expected tensors as PyTorch 1.5 writes them ({reason})") from error


@dataclass(frozen=True)
class _Kind:
    """The kind of numbers in a storage."""

    dtype: str


@dataclass(frozen=True)
class _Storage:
    key: str
    kind: _Kind
    count: int


@dataclass(frozen=True)
class _View:
    """A tensor: a view of a storage, in numbers, not bytes."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _view(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> _View:
    """In place of ``torch._utils._rebuild_tensor_v2``; the rest is about gradients."""
    whole = (offset, *shape, *strides)
    if not isinstance(storage, _Storage) or not all(type(number) is int and number >= 0 for number in whole):
        raise ValueError("a tensor that is no view of a storage")
    if len(shape) != len(strides):
        raise ValueError("a tensor with more sides than strides")
    return _View(storage, offset, tuple(shape), tuple(strides))


_KNOWN = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _view,
    ("torch", "FloatStorage"): _Kind("<f4"),
    ("torch", "LongStorage"): _Kind("<i8"),
}


class _Unpickler(pickle.Unpickler):
    """Knows four names."""

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        """Nothing is imported."""
        if (module_name, global_name) not in _KNOWN:
            raise pickle.UnpicklingError(f"{module_name}.{global_name} is refused")
        return _KNOWN[module_name, global_name]

    def persistent_load(self, pid: Any) -> _Storage:
        """A storage, of which only what it is like stands here."""
        what, kind, key, _, count, part_of = pid
        if what != "storage" or part_of is not None or not isinstance(kind, _Kind):
            raise pickle.UnpicklingError("a storage of an unknown kind")
        if type(key) is not str or type(count) is not int:
            raise pickle.UnpicklingError("a storage without a key or a count")
        return _Storage(key, kind, count)


def _tensors(file: io.BytesIO) -> Tensors:
    magic, version, _, views, keys = (_Unpickler(file).load() for _ in range(5))
    if (magic, version) != (_MAGIC, _VERSION):
        raise ValueError("another format")
    kinds = {view.storage.key: view.storage.kind for view in views.values()}
    numbers = {key: _numbers(file, kinds[key]) for key in keys}
    return {str(name): _array(view, numbers[view.storage.key]) for name, view in views.items()}


def _numbers(file: io.BytesIO, kind: _Kind) -> NDArray[Any]:
    (count,) = struct.unpack("<q", file.read(8))
    left = len(file.getbuffer()) - file.tell()
    if not 0 <= count * np.dtype(kind.dtype).itemsize <= left:
        raise ValueError(f"{count} numbers where {left} bytes are left")
    return np.frombuffer(file.read(count * np.dtype(kind.dtype).itemsize), kind.dtype)


def _array(view: _View, numbers: NDArray[Any]) -> NDArray[Any]:
    last = view.offset + sum((side - 1) * step for side, step in zip(view.shape, view.strides, strict=True))
    count = math.prod(view.shape)
    if count > len(numbers) or (count and last >= len(numbers)):
        raise ValueError("a tensor that reaches beyond its storage")
    strides = [step * numbers.itemsize for step in view.strides]
    seen = np.lib.stride_tricks.as_strided(numbers[view.offset :], view.shape, strides)
    return np.array(seen, order="C")
