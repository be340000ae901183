"""A bundle says what it is, and a changed bit anywhere is found."""

import io
import json
import struct
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.bundle.bundle import append_archive, decode_bundle, read_bundle, write_bundle
from edge.core.errors import BundleError
from edge.core.images import encode_png
from edge.core.model_spec import Output
from edge.core.runtime import load_model
from testing.toy_model import toy_bundle_bytes, toy_flatbuffer

WHOLE = toy_bundle_bytes()
Document = dict[str, Any]


def members() -> dict[str, bytes]:
    """The members of the toy bundle's archive, in its order."""
    with zipfile.ZipFile(io.BytesIO(WHOLE)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def manifest() -> Document:
    document: Document = json.loads(members()["manifest.json"])
    return document


def with_members(changed: Mapping[str, bytes]) -> bytes:
    """A bundle as whoever means harm would make it: hashes and archive are right."""
    return append_archive(toy_flatbuffer(), {**members(), **changed})


def with_manifest(document: Document) -> bytes:
    return with_members({"manifest.json": json.dumps(document).encode()})


def with_changed(key: str, value: object) -> bytes:
    """A bundle whose manifest says ``value`` for a key like "input.width"."""
    document = manifest()
    *outer, last = key.split(".")
    place = document
    for name in outer:
        place = place[name]
    place[last] = value
    return with_manifest(document)


def with_archive(entries: Sequence[tuple[str, bytes]], compression: int = zipfile.ZIP_STORED) -> bytes:
    """The toy graph with any archive behind it."""
    buffer = io.BytesIO(toy_flatbuffer())
    with zipfile.ZipFile(buffer, "a", compression) as archive, warnings.catch_warnings(action="ignore"):
        for name, content in entries:
            archive.writestr(name, content)
    return buffer.getvalue()


def test_the_same_arguments_give_the_same_bytes() -> None:
    assert toy_bundle_bytes() == WHOLE


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write_bundle(tmp_path / "part.tflite", WHOLE)
    bundle = read_bundle(tmp_path / "part.tflite")
    assert bundle.flatbuffer == toy_flatbuffer()
    assert bundle.manifest.classes == ["ok", "defect"]
    assert [path.name for path in tmp_path.iterdir()] == ["part.tflite"]


def test_an_older_manifest_without_the_newer_fields_is_read() -> None:
    newer = {"heatmap", "operators", "output", "wrapped"}
    document = {key: value for key, value in manifest().items() if key not in newer}
    read = decode_bundle(with_manifest(document), "old.tflite").manifest
    assert (read.heatmap, read.wrapped, read.output) == (None, None, Output())


def test_a_flipped_bit_is_refused_wherever_it_stands() -> None:
    """Every bit: of the graph, of the members, of their headers and of the list of them."""
    for position in range(len(WHOLE) * 8):
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


def test_an_archive_in_front_of_the_archive_is_refused_unread() -> None:
    """Its times may be such that no archive could be written again."""
    first = bytearray(with_members({}))
    entry = first.rindex(b"PK\1\2")
    first[entry + 12 : entry + 16] = b"\xff" * 4
    second = append_archive(b"TFL3" * 4, members())[16:]
    with pytest.raises(BundleError, match="holds one archive behind another"):
        decode_bundle(bytes(first) + second, "part.tflite")


def test_swapped_labels_are_refused() -> None:
    with pytest.raises(BundleError, match=r"labels.txt and the manifest's classes differ"):
        decode_bundle(with_members({"labels.txt": b"defect\nok\n"}), "part.tflite")


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("format", 2, "this bundle is of format 2; this Linegate reads 1: update Linegate"),
        ("format", "new", "manifest.json: format"),
        ("classes", ["defect", "ok"], "labels.txt and the manifest's classes differ"),
        ("thresholds", {"ok_below": 0.9, "defect_from": 0.1}, "must not be greater than defect_from"),
        ("thresholds.ok_below", float("nan"), "manifest.json: not valid JSON"),
        ("thresholds.ok_below", float("-inf"), "manifest.json: not valid JSON"),
        ("thresholds.defect_from", 1.5, "manifest.json: thresholds.defect_from"),
        ("training", {"loss": float("nan")}, "manifest.json: not valid JSON"),
        ("input.width", -32, "manifest.json: input.width"),
        ("input.width", 10**9, "manifest.json: input.width"),
        ("input.channels", 2, "manifest.json: input.channels"),
        ("input.a\nb", 2, r"manifest.json: input.a\nb: Extra"),
        ("input.resize", "sideways", "manifest.json: input.resize"),
        ("heatmap", {"height": 0, "width": 4}, "manifest.json: heatmap.height"),
        ("model_sha256", "0" * 64, "the model is not the one that the manifest describes"),
        ("ok_class", "fine", "ok_class 'fine' is not one of the classes"),
        ("ok_class", "defect", "OK first"),
        ("golden", [], "manifest.json: golden"),
        ("golden", [{"file": "../../x.png", "label": "ok", "output": [1]}], "golden.0.file"),
        ("golden", [{"file": "golden/009.png", "label": "ok", "output": [1]}], "golden/009.png is missing"),
        ("results", None, "expected results and photographs, or wrapped"),
        ("surprise", 1, "manifest.json: surprise"),
    ],
)
def test_a_manifest_that_cannot_be_is_refused_by_its_key(key: str, value: object, said: str) -> None:
    with pytest.raises(BundleError) as caught:
        decode_bundle(with_changed(key, value), "part.tflite")
    assert str(caught.value).startswith("part.tflite: ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(sorted(manifest())), ANY_JSON)
def test_whatever_a_manifest_says_it_is_read_or_refused(key: str, value: object) -> None:
    with suppress(BundleError):
        decode_bundle(with_changed(key, value), "part.tflite")


INNER_KEYS = [
    f"{key}.{inner}" for key, value in manifest().items() if isinstance(value, dict) for inner in value
]


@given(st.sampled_from(INNER_KEYS), ANY_JSON)
def test_whatever_stands_deeper_in_a_manifest_is_read_or_refused(key: str, value: object) -> None:
    with suppress(BundleError):
        decode_bundle(with_changed(key, value), "part.tflite")


@given(st.sampled_from(sorted(members())), st.binary(max_size=64))
def test_whatever_a_member_holds_it_is_read_or_refused(name: str, content: bytes) -> None:
    with suppress(BundleError):
        decode_bundle(with_members({name: content}), "part.tflite")


@given(st.binary(max_size=200))
def test_whatever_follows_the_graph_it_is_refused(content: bytes) -> None:
    with pytest.raises(BundleError):
        decode_bundle(toy_flatbuffer() + content, "part.tflite")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000])
def test_a_manifest_that_is_no_json_object_is_refused(content: bytes) -> None:
    with pytest.raises(BundleError, match=r"part.tflite: manifest.json"):
        decode_bundle(with_members({"manifest.json": content}), "part.tflite")


def test_a_class_named_twice_is_refused() -> None:
    document = manifest() | {"classes": ["ok", "ok"]}
    whole = with_members({"manifest.json": json.dumps(document).encode(), "labels.txt": b"ok\nok\n"})
    with pytest.raises(BundleError, match="the same name"):
        decode_bundle(whole, "part.tflite")


def test_a_huge_manifest_is_refused_before_it_is_read() -> None:
    with pytest.raises(BundleError, match=r"manifest.json: larger than 4 MiB"):
        decode_bundle(with_members({"manifest.json": bytes(4 * 2**20 + 1)}), "part.tflite")


def test_more_golden_pixels_than_a_device_can_hold_are_refused_before_they_are_decoded() -> None:
    document = manifest()
    document["input"] |= {"width": 1024, "height": 1024}
    document["golden"] *= 40
    with pytest.raises(BundleError, match="golden examples take more than 64 MiB"):
        decode_bundle(with_manifest(document), "part.tflite")


def png_header(width: int, height: int) -> bytes:
    """The header of a small PNG file that claims a size."""
    whole = encode_png(np.zeros((32, 32), np.uint8))
    return whole[:16] + struct.pack(">II", width, height) + whole[24:]


@pytest.mark.parametrize(
    "content",
    [
        png_header(60_000, 60_000),
        encode_png(np.zeros((33, 32), np.uint8)),
        encode_png(np.zeros((32, 32, 3), np.uint8)),
        b"GIF89a",
    ],
)
def test_a_golden_example_of_another_size_is_refused_before_it_is_decoded(
    content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.core.bundle.bundle.decode_image", None)
    with pytest.raises(BundleError, match=r"golden/000.png is not a PNG of the input's size, 32x32"):
        decode_bundle(with_members({"golden/000.png": content}), "part.tflite")


def test_a_golden_example_that_is_torn_is_refused() -> None:
    half = encode_png(np.zeros((32, 32), np.uint8))[:60]
    with pytest.raises(BundleError, match=r"golden/000.png: the image is truncated"):
        decode_bundle(with_members({"golden/000.png": half}), "part.tflite")


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ([("../x", b"")], "its archive holds '../x'"),
        ([("/etc/passwd", b"")], "its archive holds '/etc/passwd'"),
        ([("manifest.json/", b"")], "its archive holds 'manifest.json/'"),
        ([("manifest.json", b"{}"), ("manifest.json", b"{}")], "its archive holds manifest.json twice"),
        ([("labels.txt", b"ok\n")], "has no manifest.json"),
        ([(f"golden/{number:03}.png", b"") for number in range(300)], "lists more than 256 members"),
        ([("x" * 60_000, b"")], "lists more than 256 members"),
    ],
)
def test_an_archive_that_is_not_a_bundles_is_refused(entries: list[tuple[str, bytes]], said: str) -> None:
    with pytest.raises(BundleError) as caught:
        decode_bundle(with_archive(entries), "part.tflite")
    assert said in str(caught.value)


def test_a_bomb_of_compressed_members_is_refused_before_it_is_read() -> None:
    bomb = with_archive([("manifest.json", bytes(10**7))], zipfile.ZIP_DEFLATED)
    with pytest.raises(BundleError, match=r"holds manifest.json compressed"):
        decode_bundle(bomb, "part.tflite")


def test_members_that_share_their_bytes_are_refused() -> None:
    """The other kind of bomb: many names for one large member."""
    whole = bytearray(with_archive([(f"golden/{number:03}.png", bytes(5000)) for number in range(5)]))
    listed = whole.index(b"PK\1\2")
    while listed > 0:
        struct.pack_into("<II", whole, listed + 20, len(whole) - 100, len(whole) - 100)
        listed = whole.find(b"PK\1\2", listed + 1)
    with pytest.raises(BundleError, match="claims to hold more than the file does"):
        decode_bundle(bytes(whole), "part.tflite")


def test_a_file_that_is_too_large_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.core.bundle.bundle.MAX_BUNDLE_BYTES", 2**20)
    (tmp_path / "large.tflite").write_bytes(WHOLE + bytes(2**20))
    with pytest.raises(BundleError, match=r"large.tflite: larger than 1 MiB"):
        read_bundle(tmp_path / "large.tflite")
