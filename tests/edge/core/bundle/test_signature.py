"""With trusted keys only what one of them signed may decide, to the last bit."""

import io
import json
import zipfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.__main__ import main
from edge.core.bundle.bundle import (
    MAX_GOLDEN,
    SIGNATURE,
    append_archive,
    decode_bundle,
    encode_bundle,
    sign_bundle,
    write_bundle,
)
from edge.core.bundle.signature import sign
from edge.core.errors import BundleError, SettingsError
from edge.core.runtime import load_model
from edge.settings.load_settings import load_settings
from testing.toy_model import toy_bundle_bytes, toy_flatbuffer

OURS, THEIRS = (Ed25519PrivateKey.from_private_bytes(bytes([number] * 32)) for number in (1, 2))
UNSIGNED = toy_bundle_bytes()


def public(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes_raw().hex()


def signed(content: bytes = UNSIGNED, key: Ed25519PrivateKey = OURS) -> bytes:
    return sign_bundle(content, "toy", lambda unsigned: sign(unsigned, key).encode())


def members(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def refusal(content: bytes, trusted: Ed25519PrivateKey = OURS) -> str:
    with pytest.raises(BundleError) as caught:
        decode_bundle(content, "toy.tflite", trusted_keys=[public(trusted)])
    return str(caught.value)


def test_what_a_trusted_key_signed_is_read_and_says_who() -> None:
    bundle = decode_bundle(signed(), "toy", trusted_keys=[public(THEIRS), public(OURS)])
    assert bundle.signed_by == public(OURS)
    assert bundle.flatbuffer == toy_flatbuffer()


def test_without_trusted_keys_any_bundle_will_do_and_says_who_signed_it() -> None:
    assert decode_bundle(UNSIGNED, "toy").signed_by is None
    assert decode_bundle(signed(), "toy").signed_by == public(OURS)


def test_a_bundle_with_the_most_golden_examples_can_be_signed() -> None:
    toy = decode_bundle(UNSIGNED, "toy")
    example, pixels = toy.manifest.golden[0], toy.golden_inputs[0]
    many = [example.model_copy(update={"file": f"golden/{number:03}.png"}) for number in range(MAX_GOLDEN)]
    manifest = toy.manifest.model_copy(update={"golden": many})
    bundle = decode_bundle(signed(encode_bundle(manifest, toy.flatbuffer, [pixels] * MAX_GOLDEN)), "toy")
    assert len(bundle.golden_inputs) == MAX_GOLDEN


def test_an_unsigned_bundle_is_refused_where_keys_are_set() -> None:
    assert "is not signed; model.trusted_keys demands" in refusal(UNSIGNED)


def test_a_bundle_that_a_stranger_signed_is_refused_where_keys_are_set() -> None:
    assert f"is signed with another key, {public(THEIRS)}" in refusal(signed(key=THEIRS))


def test_a_flipped_bit_is_refused_wherever_it_stands_in_a_signed_bundle() -> None:
    """The bits of the signature and of what stands around it all, the others by every 37th."""
    whole = signed()
    start = whole.index(b"PK\3\4", whole.index(b"golden/001.png"))
    for position in {*range(0, len(whole) * 8, 37), *range(start * 8, len(whole) * 8)}:
        damaged = bytearray(whole)
        damaged[position // 8] ^= 1 << position % 8
        assert refusal(bytes(damaged)).startswith("toy.tflite: ")


@pytest.mark.parametrize("name", ["manifest.json", "labels.txt", "golden/000.png"])
def test_a_changed_member_is_refused_though_the_archive_was_made_anew(name: str) -> None:
    """As whoever means harm would do it: everything fits together but the signature."""
    parts = members(signed())
    parts[name] = parts[name].replace(b"a", b"b") + b" "
    assert "its signature is not of this bundle" in refusal(append_archive(toy_flatbuffer(), parts))


def test_another_graph_under_a_right_signature_is_refused() -> None:
    parts = members(signed())
    graph = bytearray(toy_flatbuffer())
    graph[-1] ^= 1
    assert "its signature is not of this bundle" in refusal(append_archive(bytes(graph), parts))


def test_the_signature_of_another_bundle_is_refused() -> None:
    other = members(signed(toy_bundle_bytes(task="classes")))
    parts = {**members(UNSIGNED), SIGNATURE: other[SIGNATURE]}
    assert "its signature is not of this bundle" in refusal(append_archive(toy_flatbuffer(), parts))


def test_the_signature_of_something_else_by_the_same_key_is_refused() -> None:
    bare = json.dumps(
        {"algorithm": "ed25519", "public_key": public(OURS), "signature": OURS.sign(UNSIGNED).hex()}
    )
    parts = {**members(UNSIGNED), SIGNATURE: bare.replace(" ", "").encode()}
    assert "its signature is not of this bundle" in refusal(append_archive(toy_flatbuffer(), parts))


def test_a_signature_can_be_written_in_one_way_only() -> None:
    parts = members(signed())
    spaced = {**parts, SIGNATURE: parts[SIGNATURE].replace(b",", b", ")}
    first = {SIGNATURE: parts[SIGNATURE], **parts}
    for other in (spaced, first):
        assert "its signature is not of this bundle" in refusal(append_archive(toy_flatbuffer(), other))


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"null", b"\xff", b"[" * 1000, b'{"algorithm":"none"}', bytes(2000)]
)
def test_a_signature_that_is_none_is_refused_though_no_key_is_set(content: bytes) -> None:
    forged = append_archive(toy_flatbuffer(), {**members(UNSIGNED), SIGNATURE: content})
    with pytest.raises(BundleError, match=r"toy: (its signature|signature.json)"):
        decode_bundle(forged, "toy")


def test_who_signed_is_looked_at_before_anything_that_the_bundle_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("edge.core.bundle.bundle.Manifest", None)
    monkeypatch.setattr("edge.core.bundle.bundle.decode_image", None)
    assert "is not signed" in refusal(UNSIGNED)


def test_signing_again_leaves_one_signature() -> None:
    assert signed(signed(key=THEIRS)) == signed()


def test_a_signed_bundle_decides_as_the_unsigned_one(tmp_path: Path) -> None:
    write_bundle(tmp_path / "signed.tflite", signed())
    model = load_model(tmp_path / "signed.tflite", trusted_keys=[public(OURS)])
    assert model.golden_identical


def test_the_daemon_refuses_what_its_settings_do_not_trust(
    tmp_path: Path, parts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trusts = ["--replay", str(parts), "--json", "--model.trusted_keys", json.dumps([public(OURS)])]
    for content, status in ((UNSIGNED, 2), (signed(key=THEIRS), 2), (signed(), 0)):
        write_bundle(tmp_path / "part.tflite", content)
        assert main([*trusts, "--model", str(tmp_path / "part.tflite")]) == status
    assert capsys.readouterr().err.count("model.trusted_keys demands") == 2


@pytest.mark.parametrize("keys", ['["ab"]', "ab", '["' + "Z" * 64 + '"]', "[1]"])
def test_what_is_no_public_key_stops_the_start(keys: str) -> None:
    with pytest.raises(SettingsError, match=r"model\.trusted_keys"):
        load_settings(None, {"model.trusted_keys": keys})


def test_trusted_keys_come_from_the_environment_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_MODEL__TRUSTED_KEYS", json.dumps([public(OURS)]))
    assert load_settings(None, {}).model.trusted_keys == (public(OURS),)
