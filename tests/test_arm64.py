"""The same bundle gives the same bytes on aarch64: its own wheels in an emulated arm64 Debian."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from quantize.__main__ import main as quantize
from tests.test_chain import pretrained_weights
from trainer.__main__ import main as trainer

ROOT = Path(__file__).parents[1]

# What is printed of the demo's bundle and of one of today's default: whether all golden outputs are the same,
# the scores and the heatmaps of all sample parts; and the id of the demo's once it is signed, which this
# processor then trusts.
PROGRAM = """
import hashlib, json, os, platform, sys
os.chdir(sys.argv[1])
from pathlib import Path
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from edge.core.bundle.bundle import decode_bundle, sign_bundle
from edge.core.images import read_image
from edge.core.photographs.listing import list_images
from edge.core.runtime import load_model
from edge.core.preprocess import preprocess
from edge.core.bundle.signature import sign
parts = list_images(Path("samples/parts"))
def said(bundle):
    # Proven: under this emulation no other process can be started to try it in.
    model = load_model(bundle, proven=[hashlib.sha256(bundle.read_bytes()).hexdigest()])
    manifest = model.bundle.manifest
    found = {str(part): model.predict(preprocess(read_image(part), manifest.input)) for part in parts}
    return {
        "golden": [model.invoke(pixels).tolist() for pixels in model.bundle.golden_inputs],
        "expected": [example.output for example in manifest.golden],
        "parts": {part: prediction.raw for part, prediction in found.items()},
        "heatmaps": [one.heatmap.tolist() for one in found.values() if one.heatmap is not None],
    }
key = Ed25519PrivateKey.from_private_bytes(bytes(32))
whole = Path("samples/demo.tflite").read_bytes()
signed = sign_bundle(whole, "demo", lambda unsigned: sign(unsigned, key).encode())
trusted = key.public_key().public_bytes_raw().hex()
print(json.dumps({
    "machine": platform.machine(),
    "demo": said(Path("samples/demo.tflite")),
    "default": said(Path(sys.argv[2])),
    "signed": decode_bundle(signed, "demo", trusted_keys=[trusted]).sha256,
}))
"""

pytestmark = [pytest.mark.slow, pytest.mark.arm64, pytest.mark.timeout(900)]


def run(command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


def run_or_skip(command: Sequence[str | Path], what: str) -> None:
    """Run what needs the network; without it, the test cannot be made here."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    except subprocess.TimeoutExpired:
        pytest.skip(f"{what} is not available here: no answer within 300 s")
    if done.returncode:
        pytest.skip(f"{what} is not available here: {(done.stderr or done.stdout).strip()[-300:]}")


def answers(command: Sequence[str | Path]) -> dict[str, Any]:
    result = run(command)
    assert result.returncode == 0, result.stderr
    document: dict[str, Any] = json.loads(result.stdout)
    return document


@pytest.fixture(scope="module")
def default(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of the default network, learned from the sample parts."""
    folder = tmp_path_factory.mktemp("default")
    weights = pretrained_weights(folder / "mobilenet.h5")
    options = ["--weights", str(weights), "--groups", "none", "--locate", "none"]
    assert trainer(["train", str(ROOT / "samples" / "parts"), "--out", str(folder / "run"), *options]) == 0
    assert quantize([str(folder / "run"), "--out", str(folder / "default.tflite")]) == 0
    return folder / "default.tflite"


@pytest.fixture(scope="module")
def arm64(tmp_path_factory: pytest.TempPathFactory, default: Path) -> Iterator[Path]:
    """The root of an arm64 Debian with Linegate's device part in /linegate and what it needs in /wheels."""
    missing = [name for name in ("debootstrap", "qemu-aarch64-static") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"missing: {', '.join(missing)}; apt-get install debootstrap qemu-user-static")
    if os.geteuid() != 0:
        pytest.skip("debootstrap and chroot need root")
    root = tmp_path_factory.mktemp("arm64") / "root"
    run_or_skip([ROOT / "tests" / "arm64_root.sh", root], "an arm64 Debian")
    run_or_skip([*pip_for_arm64(), "--target", root / "wheels", *dependencies()], "the aarch64 wheels")
    for folder in ("edge", "samples"):
        shutil.copytree(ROOT / folder, root / "linegate" / folder)
    shutil.copy(default, root / "linegate" / "default.tflite")
    yield root
    shutil.rmtree(root, ignore_errors=True)


def pip_for_arm64() -> list[str | Path]:
    """Pip for the Python of Debian 12 on aarch64, with our versions."""
    platforms = ["manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014"]
    return [
        sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
        "--only-binary=:all:", "--python-version", "3.11",
        *(f"--platform={platform}_aarch64" for platform in platforms),
        "--constraint", ROOT / "constraints.txt",
    ]  # fmt: skip


def dependencies() -> list[str]:
    """The packages of the device part."""
    needed: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    return needed


@pytest.fixture(scope="module")
def here(default: Path) -> dict[str, Any]:
    """The answers of this machine's own processor."""
    return answers([sys.executable, "-c", PROGRAM, ROOT, default])


@pytest.mark.parametrize("processor", ["cortex-a53", "cortex-a72", "cortex-a76"])  # Raspberry Pi 3, 4, 5
def test_bundles_give_the_same_bytes_on_aarch64(arm64: Path, here: dict[str, Any], processor: str) -> None:
    emulator = ["/usr/bin/qemu-aarch64-static", "-cpu", processor, "-E", "PYTHONPATH=/wheels:/linegate"]
    program = ["/usr/bin/python3.11", "-c", PROGRAM, "/linegate", "/linegate/default.tflite"]
    there = answers(["chroot", arm64, *emulator, *program])
    assert there["machine"] == "aarch64"
    for bundle in ("demo", "default"):
        assert there[bundle]["golden"] == there[bundle]["expected"]
        assert there[bundle] == here[bundle]
        assert len(there[bundle]["parts"]) == 36
    assert len(there["default"]["heatmaps"]) == 36
    assert there["signed"] == here["signed"]
