"""The state that a training needs to go on after it was killed."""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from edge.core.errors import InputError

_HISTORY = "history"


@dataclass(frozen=True)
class Checkpoint:
    """Arrays in a fixed order, and the history by epoch."""

    arrays: list[NDArray[Any]]
    history: dict[str, list[float]]


def fingerprint(settings: Iterable[object], arrays: Iterable[NDArray[Any]]) -> str:
    """A name for a training by all that it depends on: another training has another name."""
    digest = hashlib.sha256(json.dumps([str(value) for value in settings]).encode())
    for array in arrays:
        digest.update(f"{array.dtype} {array.shape} ".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:32]


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write it whole or not at all; raises InputError where the folder cannot be written."""
    history = np.frombuffer(json.dumps(checkpoint.history).encode(), np.uint8)
    part: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
            part = Path(file.name)
            arrays = {str(number): array for number, array in enumerate(checkpoint.arrays)}
            np.savez(file, allow_pickle=False, **{_HISTORY: history}, **arrays)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        if part is not None:
            part.unlink(missing_ok=True)
        raise InputError(f"{path.parent}: cannot be written ({error.strerror or error})") from error


def read_checkpoint(path: Path, like: Sequence[Any]) -> Checkpoint | None:
    """The checkpoint, if there is a whole one whose arrays have the shapes of ``like``."""
    try:
        with np.load(path, allow_pickle=False) as file:
            history = json.loads(file[_HISTORY].tobytes())
            arrays = [file[str(number)] for number in range(len(file.files) - 1)]
    except (OSError, ValueError, KeyError, BadZipFile):
        return None
    if [array.shape for array in arrays] != [tuple(one.shape) for one in like]:
        return None
    return Checkpoint(arrays, history)
