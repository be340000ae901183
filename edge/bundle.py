"""The bundle: a .tflite file that carries its manifest, labels and golden examples.

The file is a TensorFlow Lite flatbuffer followed by a ZIP archive, as in TensorFlow Lite's
metadata convention: any runtime runs it and `unzip -l` lists what is appended. The archive is
written in one canonical way (members stored in a fixed order, no times), and reading demands
those very bytes: a flipped bit anywhere in the file is found.
"""

import hashlib
import io
import os
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from edge.decision import Task, Thresholds, has_one_logit
from edge.errors import BundleError, ImageError
from edge.figures import Figures
from edge.images import decode_image, encode_png
from edge.preprocess import InputSpec

FORMAT = 1
MAX_BUNDLE_BYTES = 64 * 1024 * 1024
MAX_MEMBERS = 256
MANIFEST, LABELS = "manifest.json", "labels.txt"

_FLATBUFFER_IDENTIFIER = b"TFL3"


class GoldenExample(BaseModel):
    """An input image in the archive and the raw output that the model must give for it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str = Field(pattern=r"^golden/[0-9]{3}\.png$")
    label: str
    output: list[int]


class Photographs(BaseModel):
    """What the model has seen: counts by class, and a SHA-256 over names and contents."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    train: dict[str, int]
    validation: dict[str, int]
    fingerprint: str


class Results(BaseModel):
    """Float and int8 figures on the same images; ``split`` says which and how they were split."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    split: str
    float32: Figures
    int8: Figures
    flips: int = Field(ge=0, description="verdicts that int8 changed")
    largest_score_shift: float
    mean_score_shift: float


class Heatmap(BaseModel):
    """A second output, int8 (1, height, width, 1): where in the picture the defect is; higher is worse."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    height: int = Field(ge=1, le=1024)
    width: int = Field(ge=1, le=1024)


class Manifest(BaseModel):
    """What a bundle says of itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1]
    model_name: str
    model_sha256: str = Field(description="of the flatbuffer, without the archive")
    task: Task
    classes: list[str] = Field(min_length=2, description="in the order of the outputs")
    ok_class: str | None
    input: InputSpec
    heatmap: Heatmap | None = None
    thresholds: Thresholds
    results: Results
    photographs: Photographs
    training: dict[str, JsonValue]
    versions: dict[str, str]
    golden: list[GoldenExample] = Field(min_length=1, max_length=MAX_MEMBERS - 2)


@dataclass(frozen=True)
class Bundle:
    """A bundle in memory; ``model_id`` is the SHA-256 of the whole file."""

    manifest: Manifest
    flatbuffer: bytes
    golden_inputs: list[NDArray[np.uint8]]
    model_id: str


def encode_bundle(manifest: Manifest, flatbuffer: bytes, golden_inputs: list[NDArray[np.uint8]]) -> bytes:
    """The bytes of a bundle; the same arguments give the same bytes.

    ``golden_inputs`` are uint8 (height, width, channels), in the order of ``manifest.golden``.
    """
    members = {
        MANIFEST: manifest.model_dump_json(indent=1).encode(),
        LABELS: "".join(f"{name}\n" for name in manifest.classes).encode(),
    }
    for example, pixels in zip(manifest.golden, golden_inputs, strict=True):
        members[example.file] = encode_png(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    return _with_archive(flatbuffer, members)


def write_bundle(path: Path, data: bytes) -> None:
    """Write a bundle whole or not at all; raises BundleError where the folder can't be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".linegate-", delete=False) as file:
            try:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
                Path(file.name).chmod(0o644)
                Path(file.name).replace(path)
            except BaseException:
                Path(file.name).unlink()
                raise
    except OSError as error:
        raise BundleError(f"{path}: cannot be written ({error.strerror})") from error


def read_bundle(path: Path) -> Bundle:
    """Read and verify a bundle file; raises BundleError, which names the file and what is wrong."""
    try:
        if not path.is_file():
            raise BundleError(f"{path}: no such bundle; `quantize` writes one")
        if path.stat().st_size > MAX_BUNDLE_BYTES:
            raise BundleError(f"{path}: larger than {MAX_BUNDLE_BYTES // 2**20} MiB")
        data = path.read_bytes()
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error.strerror})") from error
    return decode_bundle(data, str(path))


def decode_bundle(data: bytes, name: str) -> Bundle:
    """Verify the bytes of a bundle; ``name`` stands in the BundleError of anything wrong."""
    if data[4:8] != _FLATBUFFER_IDENTIFIER:
        raise BundleError(f"{name}: not a TensorFlow Lite file")
    flatbuffer, members = _split_archive(data, name)
    if _with_archive(flatbuffer, members) != data:
        raise BundleError(f"{name}: the bundle is damaged; copy it again")
    try:
        manifest = Manifest.model_validate_json(members[MANIFEST])
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise BundleError(f"{name}: {MANIFEST}: {key}: {first['msg']}") from error
    if hashlib.sha256(flatbuffer).hexdigest() != manifest.model_sha256:
        raise BundleError(f"{name}: the model is not the one that the manifest describes")
    if members.get(LABELS, b"").decode("utf-8", "replace").splitlines() != manifest.classes:
        raise BundleError(f"{name}: {LABELS} and the manifest's classes differ")
    if manifest.ok_class is not None and manifest.ok_class not in manifest.classes:
        raise BundleError(f"{name}: ok_class {manifest.ok_class!r} is not one of the classes")
    ok_first = len(manifest.classes) == 2 and manifest.ok_class == manifest.classes[0]
    if has_one_logit(manifest.task) and not ok_first:
        raise BundleError(f"{name}: a model with one output needs two classes, OK first")
    golden = [_golden_input(members, example, manifest.input, name) for example in manifest.golden]
    return Bundle(manifest, flatbuffer, golden, hashlib.sha256(data).hexdigest())


def _with_archive(flatbuffer: bytes, members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO(flatbuffer)
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_STORED) as archive:
        for member, content in members.items():
            info = zipfile.ZipInfo(member, date_time=(1980, 1, 1, 0, 0, 0))
            info.create_system = 3
            info.external_attr = 0o644 << 16
            archive.writestr(info, content)
    return buffer.getvalue()


def _split_archive(data: bytes, name: str) -> tuple[bytes, dict[str, bytes]]:
    """The flatbuffer and the members; members are stored, so none is larger than the file."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
            if len(infos) > MAX_MEMBERS or any(i.compress_type != zipfile.ZIP_STORED for i in infos):
                raise BundleError(f"{name}: its archive is not one that `quantize` wrote")
            if MANIFEST not in archive.namelist():
                raise BundleError(f"{name}: has no {MANIFEST}; make a bundle with `quantize`")
            start = min(info.header_offset for info in infos)
            return data[:start], {info.filename: archive.read(info) for info in infos}
    except zipfile.BadZipFile as error:
        reason = "has no manifest, or is truncated" if "not a zip" in str(error) else "is damaged"
        raise BundleError(f"{name}: {reason}; make the bundle with `quantize`, or copy it again") from error
    except (ValueError, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise BundleError(f"{name}: the bundle is damaged; copy it again") from error


def _golden_input(
    members: dict[str, bytes], example: GoldenExample, spec: InputSpec, name: str
) -> NDArray[np.uint8]:
    if example.file not in members:
        raise BundleError(f"{name}: golden example {example.file} is missing")
    try:
        image = decode_image(members[example.file], f"{name}: {example.file}")
    except ImageError as error:
        raise BundleError(str(error)) from error
    if image.size != spec.height * spec.width * spec.channels:
        raise BundleError(f"{name}: golden example {example.file} has another size than the input")
    return image.reshape(spec.height, spec.width, spec.channels)
