"""A bundle says what it is, and a changed bit anywhere is found."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.bundle import decode_bundle, read_bundle, write_bundle
from edge.errors import BundleError
from edge.model import load_model
from tests.toy_model import toy_bundle_bytes, toy_flatbuffer

WHOLE = toy_bundle_bytes()


def test_the_same_arguments_give_the_same_bytes() -> None:
    assert toy_bundle_bytes() == WHOLE


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write_bundle(tmp_path / "part.tflite", WHOLE)
    bundle = read_bundle(tmp_path / "part.tflite")
    assert bundle.flatbuffer == toy_flatbuffer()
    assert bundle.manifest.classes == ["ok", "defect"]
    assert [path.name for path in tmp_path.iterdir()] == ["part.tflite"]


@given(st.integers(0, len(WHOLE) * 8 - 1))
def test_a_flipped_bit_is_refused(position: int) -> None:
    damaged = bytearray(WHOLE)
    damaged[position // 8] ^= 1 << position % 8
    with pytest.raises(BundleError, match="line-3"):
        decode_bundle(bytes(damaged), "line-3.tflite")


@given(st.integers(0, len(WHOLE) - 1))
def test_a_truncated_file_is_refused(length: int) -> None:
    with pytest.raises(BundleError):
        decode_bundle(WHOLE[:length], "part.tflite")


def test_bytes_behind_the_bundle_are_refused() -> None:
    with pytest.raises(BundleError):
        decode_bundle(WHOLE + b"\0", "part.tflite")


def test_a_plain_tflite_file_is_refused_with_the_way_to_make_a_bundle() -> None:
    with pytest.raises(BundleError, match="quantize"):
        decode_bundle(toy_flatbuffer(), "plain.tflite")


def test_something_else_is_refused() -> None:
    with pytest.raises(BundleError, match="not a TensorFlow Lite file"):
        decode_bundle(b"GIF89a" * 10, "cat.gif")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no such bundle"):
        read_bundle(tmp_path / "absent.tflite")


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BundleError, match="cannot be written"):
        write_bundle(tmp_path / "file" / "part.tflite", WHOLE)


def test_a_device_that_decides_otherwise_refuses_the_bundle(tmp_path: Path) -> None:
    write_bundle(tmp_path / "other.tflite", toy_bundle_bytes(golden_outputs=([98], [98])))
    with pytest.raises(BundleError, match=r"golden/000.png is ok, where defect was verified"):
        load_model(tmp_path / "other.tflite")


def test_another_rounding_with_the_same_verdicts_is_accepted_and_noted(tmp_path: Path) -> None:
    write_bundle(tmp_path / "near.tflite", toy_bundle_bytes(golden_outputs=([-97], [98])))
    assert not load_model(tmp_path / "near.tflite").golden_identical
