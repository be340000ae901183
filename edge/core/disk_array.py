"""Arrays that may be larger than memory: in a file without a name, gone when nobody uses it."""

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from edge.core.errors import InputError

_LARGE = Path("/var/tmp")  # noqa: S108  a file without a name; where /tmp is in memory, this is not


def disk_array(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """An array on the disk, under TMPDIR where that is set; raises InputError where it has no room."""
    folder = os.environ.get("TMPDIR") or (str(_LARGE) if os.access(_LARGE, os.W_OK) else None)
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            # A file with holes would be killed by the first write that finds the disk full.
            os.posix_fallocate(file.fileno(), 0, max(1, size))
            return np.memmap(file, dtype, "r+", shape=shape)
    except OSError as error:
        raise InputError(
            f"{folder or tempfile.gettempdir()}: no room for {size / 1e9:.1f} GB of pixels "
            f"({error.strerror}); TMPDIR may name another folder"
        ) from error
