"""The format of the socket: whole pictures of now, one after another, each with all that there is to know.

A message is a length (4 bytes, big endian), so many bytes of JSON (Now), and after it the bytes of the
picture and of the heat, as many as the JSON says. Nothing is ever said in the other direction.
"""

import os
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.core.documents import Moment
from edge.core.preprocess import Region
from edge.core.state import State

LARGEST_HEADER = 256 * 1024
LARGEST_PICTURE = 8 * 2**20
_LENGTH = struct.Struct(">I")


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", validate_by_name=True, validate_by_alias=True)


class RaisedAlarm(_Said):
    """An alarm that is raised now."""

    alarm: str
    text: str
    since: Moment


class NewestPart(_Said):
    """The newest part: its result as the journal keeps it, and how its picture is to be read.

    ``width`` and ``height`` are those of the frame; the picture may be smaller. ``region`` is what the
    model was shown of it, in pixels of the frame.
    """

    result: dict[str, Any]
    ok_below: float
    defect_from: float
    width: int
    height: int
    region: Region | None


class Now(_Said):
    """A station at one moment. ``number`` changes with the part; the lengths are of what follows."""

    schema_: Literal["linegate.now.v1"] = Field("linegate.now.v1", alias="schema")
    station: str
    simulated: bool
    state: State
    since: Moment
    reason: str | None
    recipe: str | None
    bundle_sha256: str | None
    alarms: tuple[RaisedAlarm, ...]
    number: int
    part: NewestPart | None
    picture_bytes: int = Field(ge=0, le=LARGEST_PICTURE)
    heat_bytes: int = Field(ge=0, le=LARGEST_PICTURE)


class WireError(Exception):
    """Bytes came that no station sends."""


def socket_file(journal: Path) -> Path:
    """It lies beside the station's journal."""
    return journal.with_name(f"{journal.name}.live")


def packed(now: Now, picture: bytes, heat: bytes) -> bytes:
    """A message; ``now`` says the lengths of the two."""
    header = now.model_dump_json(by_alias=True).encode()
    return b"".join((_LENGTH.pack(len(header)), header, picture, heat))


def read_message(read: Callable[[int], bytes]) -> tuple[Now, bytes, bytes]:
    """The next message; ``read`` gives exactly so many bytes. Raises WireError."""
    (length,) = _LENGTH.unpack(read(_LENGTH.size))
    if length > LARGEST_HEADER:
        raise WireError(f"{length} bytes of header")
    try:
        now = Now.model_validate_json(read(length))
    except ValidationError as error:
        raise WireError(str(error.errors()[0]["msg"])) from error
    return now, read(now.picture_bytes), read(now.heat_bytes)


@contextmanager
def socket_name(file: Path) -> Iterator[str]:
    """The name to bind or connect to: a socket's own may have 107 bytes, and paths are longer."""
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{file.name}"
    finally:
        os.close(folder)


def listen(file: Path) -> socket.socket:
    """A socket in a file that its owner alone may use; one that an earlier process left is replaced."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.settimeout(0)
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.is_socket():
            file.unlink()
        with socket_name(file) as name:
            listener.bind(name)
        file.chmod(0o600)
        listener.listen(16)
    except BaseException:
        listener.close()
        raise
    return listener
