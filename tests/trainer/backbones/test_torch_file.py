"""A file of tensors is read as PyTorch would; nothing in it is ever run."""

import hashlib
import os
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.errors import InputError
from trainer.backbones import torch_file
from trainer.backbones.torch_file import parse_tensors, read_tensors

MAGIC, VERSION = 0x1950A86A20F9469CFC6C, 1001


class Named:
    """Pickled as a global of a module that is not here."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name


class Call:
    """Pickled as a call of a global."""

    def __init__(self, named: Named, *arguments: Any) -> None:
        self.named, self.arguments = named, arguments

    def __reduce__(self) -> Any:
        return self.named, self.arguments


REBUILD = Named("torch._utils", "_rebuild_tensor_v2")
FLOATS = Named("torch", "FloatStorage")


class Persistent:
    def __init__(self, *parts: Any) -> None:
        self.parts = parts


_Pickler: Any = vars(pickle)["_Pickler"]  # the one in Python can be taught names


class Writer(_Pickler):  # type: ignore[misc]
    def persistent_id(self, obj: Any) -> Any:
        return obj.parts if isinstance(obj, Persistent) else None

    def save(self, obj: Any, save_persistent_id: bool = True) -> None:
        if isinstance(obj, Named):
            self.write(pickle.GLOBAL + f"{obj.module}\n{obj.name}\n".encode())
            return
        super().save(obj, save_persistent_id)

    def save_reduce(self, func: Any, args: Any, *_: Any, **__: Any) -> None:
        self.save(func)
        self.save(args)
        self.write(pickle.REDUCE)


def pickled(value: Any) -> bytes:
    import io

    file = io.BytesIO()
    Writer(file, 2).dump(value)
    return file.getvalue()


def storage(key: str, count: Any, kind: Any = FLOATS) -> Persistent:
    return Persistent("storage", kind, key, "cpu", count, None)


def file_of(views: Any, numbers: dict[str, np.ndarray], *, magic: int = MAGIC) -> bytes:
    heads = (magic, VERSION, {"little_endian": True}, views, list(numbers))
    tail = b"".join(struct.pack("<q", len(of)) + of.tobytes() for of in numbers.values())
    return b"".join(map(pickled, heads)) + tail


SIX = np.arange(6, dtype="<f4")


def test_strides_say_in_which_order_the_numbers_stand() -> None:
    transposed = Call(
        REBUILD, storage("0", 6), 0, (2, 3), (1, 2), False, Call(Named("collections", "OrderedDict"))
    )
    second = Call(REBUILD, storage("0", 6), 4, (2,), (1,), False, None)
    found = parse_tensors(file_of({"a": transposed, "b": second}, {"0": SIX}), name="f")
    assert found["a"].tolist() == [[0, 2, 4], [1, 3, 5]]
    assert found["b"].tolist() == [4, 5]


@pytest.mark.parametrize(
    "named",
    [
        Named("os", "system"),
        Named("builtins", "eval"),
        Named("torch", "load"),
        Named("torch", "DoubleStorage"),
        Named("torch._utils", "_rebuild_tensor_v2.__globals__"),
        Named("collections", "OrderedDict.__init__.__globals__"),
    ],
)
def test_a_name_that_is_not_needed_is_refused_wherever_it_stands(named: Named, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    call = Call(named, f"touch {marker}")
    heads = [MAGIC, VERSION, {}, {}, []]
    for place in range(len(heads)):
        content = b"".join(pickled(call if number == place else head) for number, head in enumerate(heads))
        with pytest.raises(InputError, match=r"f: expected tensors .* is refused"):
            parse_tensors(content, name="f")
    assert not marker.exists()


@pytest.mark.parametrize(
    "view",
    [
        Call(REBUILD, storage("0", 6), 0, (7,), (1,), False, None),
        Call(REBUILD, storage("0", 6), 3, (4,), (1,), False, None),
        Call(REBUILD, storage("0", 6), 0, (2, 3), (3, 2), False, None),
        Call(REBUILD, storage("0", 6), 0, (2,), (-1,), False, None),
        Call(REBUILD, storage("0", 6), -1, (2,), (1,), False, None),
        Call(REBUILD, storage("0", 6), 0, (10**12,), (0,), False, None),
        Call(REBUILD, storage("0", 6), 0, (2, 3), (1,), False, None),
        Call(REBUILD, "0", 0, (2,), (1,), False, None),
        Call(REBUILD, storage("0", 6, kind="<f4"), 0, (2,), (1,), False, None),
        Call(REBUILD),
        "no tensor",
    ],
)
def test_a_tensor_that_is_not_within_its_storage_is_refused(view: Any) -> None:
    with pytest.raises(InputError, match="f: expected tensors"):
        parse_tensors(file_of({"a": view}, {"0": SIX}), name="f")


def test_more_numbers_than_there_are_bytes_are_refused() -> None:
    content = file_of({"a": Call(REBUILD, storage("0", 6), 0, (6,), (1,), False, None)}, {"0": SIX})
    for wrong in (content[:-4], content.replace(struct.pack("<q", 6), struct.pack("<q", 2**62))):
        with pytest.raises(InputError, match="f: expected tensors"):
            parse_tensors(wrong, name="f")
    with pytest.raises(InputError, match="another format"):
        parse_tensors(file_of({}, {}, magic=MAGIC + 1), name="f")


@given(st.binary(max_size=200))
def test_any_bytes_are_one_clear_error(content: bytes) -> None:
    with pytest.raises(InputError, match="f: expected tensors"):
        parse_tensors(content, name="f")


def test_a_changed_file_is_refused_before_it_is_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch_file, "parse_tensors", lambda *_, **__: pytest.fail("parsed"))
    (tmp_path / "a.pth").write_bytes(file_of({}, {}))
    with pytest.raises(InputError, match=r"a\.pth: the file was changed"):
        read_tensors(tmp_path / "a.pth", sha256=hashlib.sha256(b"another").hexdigest())
    with pytest.raises(InputError, match=rf"gone\.pth: cannot be read \({os.strerror(2)}\)"):
        read_tensors(tmp_path / "gone.pth", sha256="")
