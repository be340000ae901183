"""The arrays of an .h5 file of Keras weights, and nothing of any other file.

HDF5 lets a file point into others (external and soft links, external storage, virtual data sets) and claim
data that nobody wrote, of any size: all of that is refused before anything is read.
"""

from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import h5py

MOST_BYTES = 2 * 2**30
MOST_BYTES_PER_BYTE = 20  # of the file: weights hardly compress
MOST_NAMES = 10_000

Arrays = dict[str, list[NDArray[np.float32]]]


def read_arrays(path: Path) -> Arrays:
    """The arrays of each layer by its name, of a whole model or of weights alone.

    Raises OSError, KeyError, ValueError, TypeError, AttributeError or RuntimeError where it is no such file.
    """
    import h5py

    with h5py.File(path, "r") as file:
        layers = _child(file, "model_weights") if "model_weights" in file else file
        found = {name: list(_sets(_child(layers, name))) for name in _bounded(layers)}
        left = min(MOST_BYTES, MOST_BYTES_PER_BYTE * path.stat().st_size)
        wanted = sum(4 * prod(one.shape) for sets in found.values() for one in sets)
        if wanted > left:
            raise ValueError(f"claims {wanted} bytes of weights, where a file of this size may hold {left}")
        return {name: [np.asarray(one, np.float32) for one in sets] for name, sets in found.items() if sets}


def _sets(layer: Any) -> Iterator["h5py.Dataset"]:
    """The data sets of a layer, in its order, all of them in this file."""
    for name in _bounded(layer.attrs["weight_names"]):
        at = layer
        for step in (name.decode() if isinstance(name, bytes) else str(name)).split("/"):
            at = _child(at, step)
        if at.external is not None or at.is_virtual:
            raise ValueError(f"{at.name} lies in another file")
        if at.dtype.kind != "f":
            raise ValueError(f"{at.name} holds {at.dtype}, not floating-point numbers")
        yield at


def _child(group: Any, name: str) -> Any:
    """A group's own member; h5py would follow a link to wherever it leads."""
    import h5py

    if not name or not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise ValueError(f"{name} is a link, or not there")
    return group[name]


def _bounded(names: Any) -> list[Any]:
    if len(names) > MOST_NAMES:
        raise ValueError(f"more than {MOST_NAMES} names")
    return list(names)
