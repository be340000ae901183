"""The bundle: a .tflite file that carries its manifest, labels and golden examples.

The file is a TensorFlow Lite flatbuffer followed by a ZIP archive, as in TensorFlow Lite's
metadata convention: any runtime runs it and `unzip -l` lists what is appended. The archive is
written in one canonical way (members stored in a fixed order, no times), and reading demands
those very bytes: a flipped bit anywhere in the file is found. Sizes are checked before anything is
read or decoded, so that a hostile file costs no more than a good one.
"""

import hashlib
import io
import re
import struct
import zipfile
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    JsonValue,
    ValidationError,
    model_validator,
)
from pydantic_core import from_json

from edge.core.allowed import in_words
from edge.core.bundle.score_profile import ScoreProfile
from edge.core.bundle.signature import signer
from edge.core.decision import Task, Thresholds, has_one_logit
from edge.core.errors import BundleError, ImageError, one_line
from edge.core.files import folder_to_fill, write_whole
from edge.core.images import decode_image, encode_png
from edge.core.metrics import Metrics
from edge.core.model_spec import Heatmap, ModelSpec, Output
from edge.core.preprocess import InputSpec

FORMAT = 1
MAX_BUNDLE_BYTES = 64 * 1024 * 1024
MAX_MEMBERS = 256
MAX_GOLDEN = MAX_MEMBERS - 3  # the others: manifest, labels, signature
MAX_MANIFEST_BYTES = 4 * 1024 * 1024
MAX_SIGNATURE_BYTES = 1024
MANIFEST, LABELS, SIGNATURE = "manifest.json", "labels.txt", "signature.json"

_FLATBUFFER_IDENTIFIER = b"TFL3"
_MEMBER = re.compile(r"manifest\.json|labels\.txt|signature\.json|golden/[0-9]{3}\.png")

# ZIP (PKWARE's APPNOTE 6.3.10): the record at the end, of which these fields count: how many members,
# and how long the list of them is. What stands before it where 64 bits are used.
_ZIP_END = struct.Struct("<4s6xHI6x")
_ZIP_END_START, _ZIP_LONG_START, _ZIP_LONG_BYTES = b"PK\5\6", b"PK\6\7", 20
_MAX_MEMBER_ENTRY_BYTES = 64

# PNG (ISO/IEC 15948): signature, length and name of the first chunk, width, height, bits, colour type.
_PNG_HEADER = struct.Struct(">8sI4sIIBB")


_Step = Annotated[int, Field(ge=-128, le=255)]


class GoldenExample(BaseModel):
    """An input image in the archive and the raw output that the model must give for it.

    ``label`` is empty where the truth is not known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str = Field(pattern=r"^golden/[0-9]{3}\.png$")
    label: str
    output: list[_Step] | list[FiniteFloat]


class Photographs(BaseModel):
    """The photographs that the model has seen: counts by class, and a SHA-256 over names and contents."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    train: dict[str, int]
    validation: dict[str, int]
    held_out_in_turn: bool = False
    fingerprint: str


class AtThresholds(BaseModel):
    """Figures of thresholds on int8 scores of the validation images, and where float decides otherwise."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ok_below: float
    defect_from: float
    flips: int = Field(ge=0, description="verdicts that differ from the float model's")
    flips_outside: int = Field(ge=0, description="of these, between ok and defect, or two classes")
    escapes_new: int = Field(ge=0, description="defects that float rejected and int8 passes")
    escapes: int = Field(ge=0)
    overkill: int = Field(ge=0)
    unsure: int = Field(ge=0)


class Rederived(BaseModel):
    """The thresholds of the run, and what its rule says of the int8 scores of the validation images.

    ``float32``: what it says of their float scores, from and to; what differs from that is int8's doing. The
    bundle takes ``int8`` where ``is_taken``, and else those of the run.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: AtThresholds
    int8: AtThresholds
    float32: tuple[float, float]
    is_taken: bool


class Results(BaseModel):
    """Float and int8 figures on the same images; ``split`` says which and how they were split."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    split: str
    float32: Metrics
    int8: Metrics
    flips: int = Field(ge=0, description="verdicts that int8 changed")
    escapes_new: int = Field(default=0, ge=0, description="defects that float rejected and int8 passes")
    flips_allowed: int = Field(default=0, ge=0, description="what a person accepted")
    escapes_allowed: int = Field(default=0, ge=0, description="what a person accepted")
    largest_score_shift: float
    mean_score_shift: float
    rederived: Rederived | None = None


class Wrapped(BaseModel):
    """A model that another tool made: where it comes from, and what is known of it.

    ``scale`` says how its input was made of pixels. ``metrics`` were measured on those of the ``images``
    given with it whose folder tells the truth; nothing says that it has not learned from them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    sha256: str
    scale: str
    images: int = Field(ge=1)
    # Bundles of before say "figures".
    metrics: Metrics | None = Field(validation_alias=AliasChoices("metrics", "figures"))


class Operators(BaseModel):
    """The operators of the graph: their ``count``, and how many of a kind are not as they should be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    count: int = Field(ge=0)
    not_int8: dict[str, int]
    not_xnnpack: dict[str, int] = Field(description="left to the runtime's own kernels where it was made")


class Manifest(BaseModel):
    """The content of manifest.json.

    ``results`` and ``photographs`` belong to models of `trainer`; any other model is ``wrapped``.
    ``ok_scores`` are the int8 scores of the OK validation photographs, where there are any.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1]
    model_name: str
    model_sha256: str = Field(description="of the flatbuffer, without the archive")
    task: Task
    classes: list[str] = Field(min_length=2, description="in the order of the outputs")
    ok_class: str | None
    input: InputSpec
    output: Output = Output()
    heatmap: Heatmap | None = None
    operators: Operators | None = None
    thresholds: Thresholds
    results: Results | None = None
    photographs: Photographs | None = None
    ok_scores: ScoreProfile | None = None
    wrapped: Wrapped | None = None
    training: dict[str, JsonValue]
    versions: dict[str, str]
    golden: list[GoldenExample] = Field(min_length=1, max_length=MAX_GOLDEN)

    @property
    def model_spec(self) -> ModelSpec:
        """The part that is needed to run the graph."""
        return ModelSpec(self.task, self.classes, self.ok_class, self.input, self.output, self.heatmap)

    @model_validator(mode="after")
    def _says_where_it_comes_from(self) -> Self:
        learned = self.results is not None and self.photographs is not None
        if learned == (self.wrapped is not None):
            raise ValueError("expected results and photographs, or wrapped")
        return self


@dataclass(frozen=True)
class Bundle:
    """A bundle in memory; ``sha256`` is the SHA-256 of the whole file.

    ``signed_by`` is the public key, in hexadecimal, whose signature was found to be right, or None.
    """

    manifest: Manifest
    flatbuffer: bytes
    golden_inputs: list[NDArray[np.uint8]]
    sha256: str
    signed_by: str | None = None


def encode_bundle(manifest: Manifest, flatbuffer: bytes, golden_inputs: list[NDArray[np.uint8]]) -> bytes:
    """The bytes of a bundle; the same arguments give the same bytes.

    ``golden_inputs`` are uint8 (height, width, channels), in the order of ``manifest.golden``.
    """
    members = {
        MANIFEST: manifest.model_dump_json(indent=1).encode(),
        LABELS: "".join(f"{name}\n" for name in manifest.classes).encode(),
    }
    for example, pixels in zip(manifest.golden, golden_inputs, strict=True):
        members[example.file] = encode_png(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels, "small")
    return append_archive(flatbuffer, members)


def write_bundle(path: Path, data: bytes) -> None:
    """Write a bundle whole or not at all; raises BundleError where the folder can't be written."""
    try:
        with folder_to_fill(path.parent):
            write_whole(path, data)
    except OSError as error:
        raise BundleError(f"{path}: cannot be written ({error.strerror})") from error


def read_bundle(path: Path, *, trusted_keys: Collection[str] = (), sha256: str | None = None) -> Bundle:
    """Read and verify a bundle file; raises BundleError, which names the file and what is wrong.

    Where there are ``trusted_keys``, one of them must have signed it. With ``sha256`` the file must have
    that hash, or nothing of it is looked at.
    """
    data = read_bytes(path)
    if sha256 is not None and (found := hashlib.sha256(data).hexdigest()) != sha256:
        raise BundleError(f"{path}: its SHA-256 is {found}, and not the one that was expected")
    return decode_bundle(data, str(path), trusted_keys=trusted_keys)


def read_bytes(path: Path) -> bytes:
    """The content of a bundle file, unverified; raises BundleError."""
    try:
        if not path.is_file():
            raise BundleError(f"{path}: no such bundle; `quantize` writes one")
        with path.open("rb") as file:
            data = file.read(MAX_BUNDLE_BYTES + 1)
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error.strerror})") from error
    if len(data) > MAX_BUNDLE_BYTES:
        raise BundleError(f"{path}: larger than {MAX_BUNDLE_BYTES // 2**20} MiB")
    return data


def decode_bundle(data: bytes, name: str, *, trusted_keys: Collection[str] = ()) -> Bundle:
    """Verify the bytes of a bundle; ``name`` stands in the BundleError of anything wrong.

    Who signed it is looked at before anything that it holds.
    """
    if data[4:8] != _FLATBUFFER_IDENTIFIER:
        raise BundleError(f"{name}: not a TensorFlow Lite file")
    flatbuffer, members = _split_archive(data, name)
    if append_archive(flatbuffer, members) != data:
        raise BundleError(f"{name}: the bundle is damaged; copy it again")
    signed_by = _signer(flatbuffer, members, name)
    if trusted_keys and signed_by not in trusted_keys:
        raise BundleError(f"{name}: {_not_trusted(signed_by)}")
    manifest = _read_manifest(members[MANIFEST], name)
    if hashlib.sha256(flatbuffer).hexdigest() != manifest.model_sha256:
        raise BundleError(f"{name}: the model is not the one that the manifest describes")
    if members.get(LABELS, b"").decode("utf-8", "replace").splitlines() != manifest.classes:
        raise BundleError(f"{name}: {LABELS} and the manifest's classes differ")
    if len(set(manifest.classes)) != len(manifest.classes):
        raise BundleError(f"{name}: two of its classes have the same name")
    if manifest.ok_class is not None and manifest.ok_class not in manifest.classes:
        raise BundleError(f"{name}: ok_class {manifest.ok_class!r} is not one of the classes")
    ok_first = len(manifest.classes) == 2 and manifest.ok_class == manifest.classes[0]
    if has_one_logit(manifest.task) and not ok_first:
        raise BundleError(f"{name}: a model with one output needs two classes, OK first")
    pixels = manifest.input.width * manifest.input.height * manifest.input.channels
    if len(manifest.golden) * pixels > MAX_BUNDLE_BYTES:
        raise BundleError(f"{name}: its golden examples take more than {MAX_BUNDLE_BYTES // 2**20} MiB")
    golden = [_golden_input(members, example, manifest.input, name) for example in manifest.golden]
    return Bundle(manifest, flatbuffer, golden, hashlib.sha256(data).hexdigest(), signed_by)


def sign_bundle(data: bytes, name: str, sign: Callable[[bytes], bytes]) -> bytes:
    """The bundle with what ``sign`` gives for its unsigned bytes, in place of any other signature."""
    flatbuffer, members = _split_archive(data, name)
    members.pop(SIGNATURE, None)
    return append_archive(flatbuffer, {**members, SIGNATURE: sign(append_archive(flatbuffer, members))})


def append_archive(flatbuffer: bytes, members: dict[str, bytes]) -> bytes:
    """The flatbuffer with the canonical archive of these members behind it."""
    buffer = io.BytesIO(flatbuffer)
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_STORED) as archive:
        for member, content in members.items():
            info = zipfile.ZipInfo(member, date_time=(1980, 1, 1, 0, 0, 0))
            info.create_system = 3
            info.external_attr = 0o644 << 16
            archive.writestr(info, content)
    return buffer.getvalue()


def _signer(flatbuffer: bytes, members: dict[str, bytes], name: str) -> str | None:
    """Whose signature the bundle bears, or None; a wrong one is refused, whoever is trusted."""
    if SIGNATURE not in members:
        return None
    others = {member: content for member, content in members.items() if member != SIGNATURE}
    found = signer(members[SIGNATURE], append_archive(flatbuffer, others))
    if found is None or list(members)[-1] != SIGNATURE:
        raise BundleError(
            f"{name}: its signature is not of this bundle; copy it again, from where it was signed"
        )
    return found


def _not_trusted(signed_by: str | None) -> str:
    found = "is not signed" if signed_by is None else f"is signed with another key, {signed_by}"
    return f"{found}; model.trusted_keys demands a signature with one of its keys (`quantize sign`)"


def _split_archive(data: bytes, name: str) -> tuple[bytes, dict[str, bytes]]:
    """The flatbuffer and the members."""
    _check_end(data, name)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
            _check_members(infos, len(data), name)
            start = min(info.header_offset for info in infos)
            members = {info.filename: archive.read(info) for info in infos}
    except (zipfile.BadZipFile, ValueError, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise BundleError(f"{name}: the bundle is damaged; copy it again") from error
    flatbuffer = data[:start]
    if zipfile.is_zipfile(io.BytesIO(flatbuffer)):  # to be written anew, it would be read, whatever it holds
        raise BundleError(f"{name}: holds one archive behind another; make the bundle with `quantize`")
    return flatbuffer, members


def _check_end(data: bytes, name: str) -> None:
    """Refuse a list of members that is longer than a bundle's can be, before it is read."""
    end = data[-_ZIP_END.size :]
    if not end.startswith(_ZIP_END_START):
        raise BundleError(
            f"{name}: has no manifest, or is truncated; make the bundle with `quantize`, or copy it again"
        )
    _, members, list_bytes = _ZIP_END.unpack(end)
    if members > MAX_MEMBERS or list_bytes > MAX_MEMBERS * _MAX_MEMBER_ENTRY_BYTES:
        raise BundleError(f"{name}: its archive lists more than {MAX_MEMBERS} members")
    if data[-_ZIP_END.size - _ZIP_LONG_BYTES :].startswith(_ZIP_LONG_START):
        raise BundleError(f"{name}: its archive is made for more than 4 GiB; a bundle's is not")


def _check_members(infos: list[zipfile.ZipInfo], size: int, name: str) -> None:
    """Refuse members that no bundle has, and more bytes than the file holds."""
    names = [info.filename for info in infos]
    for info in infos:
        if not _MEMBER.fullmatch(info.filename):
            raise BundleError(f"{name}: its archive holds {info.filename!r}, which no bundle does")
        if names.count(info.filename) > 1:
            raise BundleError(f"{name}: its archive holds {info.filename} twice")
        if info.compress_type != zipfile.ZIP_STORED:
            raise BundleError(f"{name}: its archive holds {info.filename} compressed; a bundle's is stored")
    if sum(info.file_size for info in infos) > size:
        raise BundleError(f"{name}: its archive claims to hold more than the file does")
    sizes = {info.filename: info.file_size for info in infos}
    if MANIFEST not in sizes:
        raise BundleError(f"{name}: has no {MANIFEST}; make a bundle with `quantize`")
    if sizes.get(SIGNATURE, 0) > MAX_SIGNATURE_BYTES:
        raise BundleError(f"{name}: {SIGNATURE}: larger than {MAX_SIGNATURE_BYTES} bytes")
    if sizes[MANIFEST] > MAX_MANIFEST_BYTES:
        raise BundleError(f"{name}: {MANIFEST}: larger than {MAX_MANIFEST_BYTES // 2**20} MiB")


def _read_manifest(content: bytes, name: str) -> Manifest:
    try:
        document = from_json(content, allow_inf_nan=False)
    except ValueError as error:
        raise BundleError(f"{name}: {MANIFEST}: not valid JSON ({error})") from error
    found = document.get("format") if isinstance(document, dict) else None
    if isinstance(found, int) and found > FORMAT:
        raise BundleError(
            f"{name}: this bundle is of format {found}; this Linegate reads {FORMAT}: update Linegate"
        )
    try:
        return Manifest.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        key = one_line(".".join(str(part) for part in first["loc"]))
        raise BundleError(f"{name}: {MANIFEST}: {key}: {in_words(first)}") from error


def _golden_input(
    members: dict[str, bytes], example: GoldenExample, spec: InputSpec, name: str
) -> NDArray[np.uint8]:
    if example.file not in members:
        raise BundleError(f"{name}: golden example {example.file} is missing")
    colour = 0 if spec.channels == 1 else 2
    header = _PNG_HEADER.pack(b"\x89PNG\r\n\x1a\n", 13, b"IHDR", spec.width, spec.height, 8, colour)
    if not members[example.file].startswith(header):  # else a few bytes could ask for gigabytes
        raise BundleError(
            f"{name}: golden example {example.file} is not a PNG of the input's size, "
            f"{spec.width}x{spec.height} with {spec.channels} channels"
        )
    try:
        image = decode_image(members[example.file], f"{name}: {example.file}")
    except ImageError as error:
        raise BundleError(str(error)) from error
    return image.reshape(spec.height, spec.width, spec.channels)
