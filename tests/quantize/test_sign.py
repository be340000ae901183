"""Keys are made once, kept private, and sign bundles whole."""

import json
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from edge.core.bundle.bundle import read_bundle
from quantize.__main__ import main


@pytest.fixture
def key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[Path, str]:
    """A private key's file and its public half."""
    file = tmp_path / "line.key"
    assert main(["make-key", str(file)]) == 0
    return file, capsys.readouterr().out.strip()


def refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(words) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    return said


def test_a_key_is_its_owners_alone(key: tuple[Path, str]) -> None:
    file, public = key
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text().startswith("-----BEGIN PRIVATE KEY-----")
    assert len(bytes.fromhex(public)) == 32


def test_a_key_is_never_overwritten(key: tuple[Path, str], capsys: pytest.CaptureFixture[str]) -> None:
    before = key[0].read_bytes()
    assert "is there already" in refused(["make-key", str(key[0])], capsys)
    assert key[0].read_bytes() == before


def test_signing_and_inspecting_say_who(
    key: tuple[Path, str], bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, public = key
    out = tmp_path / "signed.tflite"
    before = bundle.read_bytes()
    assert main(["sign", str(bundle), "--key", str(file), "--out", str(out)]) == 0
    assert bundle.read_bytes() == before
    assert read_bundle(out, trusted_keys=[public]).signed_by == public
    assert f"signed by {public}" in capsys.readouterr().out
    main(["inspect", str(out)])
    assert f"signed      by {public}" in capsys.readouterr().out
    main(["inspect", str(bundle), "--json"])
    assert json.loads(capsys.readouterr().out)["signed_by"] is None


def test_without_out_the_file_itself_is_signed(key: tuple[Path, str], bundle: Path) -> None:
    main(["sign", str(bundle), "--key", str(key[0])])
    first = bundle.read_bytes()
    main(["sign", str(bundle), "--key", str(key[0])])
    assert bundle.read_bytes() == first
    assert read_bundle(bundle).signed_by == key[1]


def test_a_key_that_others_may_read_is_refused(
    key: tuple[Path, str], bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key[0].chmod(0o644)
    assert f"chmod 600 {key[0]}" in refused(["sign", str(bundle), "--key", str(key[0])], capsys)


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "cannot be read"), (b"", "not a private key"), (b"\x00" * 99_999, "not a private key")],
)
def test_what_is_no_key_is_refused(
    content: bytes | None, said: str, bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "other.key"
    if content is not None:
        file.touch(0o600)
        file.write_bytes(content)
    before = bundle.read_bytes()
    assert said in refused(["sign", str(bundle), "--key", str(file)], capsys)
    assert bundle.read_bytes() == before


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["-algorithm", "ed25519"], None),
        (["-algorithm", "ed25519", "-aes256", "-pass", "pass:sesame"], "protected by a passphrase"),
        (["-algorithm", "x25519"], "not an Ed25519 key"),
    ],
)
def test_keys_of_openssl_are_taken_where_they_are_ed25519(
    options: list[str], said: str | None, bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "openssl.key"
    subprocess.run(["openssl", "genpkey", *options, "-out", file], check=True, capture_output=True)
    file.chmod(0o600)
    words = ["sign", str(bundle), "--key", str(file)]
    if said is None:
        assert main(words) == 0
    else:
        assert said in refused(words, capsys)


def test_a_damaged_bundle_is_not_signed(
    key: tuple[Path, str], bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = bytearray(bundle.read_bytes())
    content[100] ^= 1
    bundle.write_bytes(content)
    refused(["sign", str(bundle), "--key", str(key[0])], capsys)
    assert bundle.read_bytes() == content
