"""Where pretrained weights come from: Keras's cache or the network, a file, or nowhere."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.core.errors import InputError, one_line
from trainer.weights_file import read_arrays

AUTO, IMAGENET, NONE = "auto", "imagenet", "none"
VARIABLE = "LINEGATE_WEIGHTS"
_TIMEOUT_S = 15.0


@dataclass(frozen=True)
class Weights:
    """The arrays of each layer by its name, and where they are from."""

    arrays: dict[str, list[NDArray[np.float32]]]
    source: str

    def give(self, model: Any) -> None:
        """Set the weights of every layer of a Keras model.

        A first convolution that sees one grey channel gets the sum over red, green and blue. Raises
        InputError, which names the layer, where one is missing or has another shape.
        """
        for layer in model.layers:
            wanted = [tuple(variable.shape) for variable in layer.weights]
            if not wanted:
                continue
            found = self.arrays.get(layer.name, [])
            if found and found[0].ndim == 4 and found[0].shape[2] == 3 and wanted[0][2] == 1:
                found = [found[0].sum(axis=2, keepdims=True), *found[1:]]
            shapes = [array.shape for array in found]
            if shapes != wanted:
                raise InputError(
                    f"--weights {self.source}: layer {layer.name} has {shapes or 'nothing'}, not {wanted}; "
                    f"expected weights of {model.name} from keras.applications"
                )
            layer.set_weights(found)


def find_weights(choice: str, download: Any) -> Weights | None:
    """Weights by choice: "auto", "imagenet", "none", or an .h5 file.

    ``download`` makes the Keras model with its ImageNet weights, from Keras's cache or the network.
    "auto" falls back on the file that the environment names (LINEGATE_WEIGHTS), then on None.
    Raises InputError where what was asked for is not available.
    """
    if choice == NONE:
        return None
    if choice not in (AUTO, IMAGENET):
        return read_weights(Path(choice))
    try:
        with _patience():
            model = download()
        arrays = {layer.name: layer.get_weights() for layer in model.layers if layer.weights}
        return Weights(arrays, "ImageNet (keras.applications)")
    except Exception as error:  # Keras raises a bare Exception where the network is away
        if choice == IMAGENET:
            reason = str(error).splitlines()[-1] if str(error) else type(error).__name__
            raise InputError(
                f"--weights imagenet: not in Keras's cache and cannot be fetched ({reason}); "
                f"name a file instead, by --weights or {VARIABLE}"
            ) from error
    named = os.environ.get(VARIABLE)
    return read_weights(Path(named), named_by=VARIABLE) if named else None


def read_weights(path: Path, *, named_by: str = "--weights") -> Weights:
    """Weights by layer name from an .h5 file of keras.applications, whole model or weights alone.

    Only arrays of this very file are read: nothing of what it says is built or run. Raises InputError.
    """
    if not path.is_file():
        raise InputError(f"{named_by} {path}: no such file; expected an .h5 file of Keras weights")
    try:
        return Weights(read_arrays(path), path.name)
    except (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:
        raise InputError(
            f"{named_by} {path}: not an .h5 file of Keras weights ({one_line(str(error))}); expected auto, "
            "imagenet, none or such a file"
        ) from error


@contextmanager
def _patience() -> Iterator[None]:
    """Keras downloads without any time-out of its own."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_TIMEOUT_S)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
