"""Bundles that differ, and one that fails at its work though it passes its own tests."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.core.bundle.bundle import decode_bundle, encode_bundle, write_bundle
from edge.core.model_spec import Output
from testing.toy_model import deadly_flatbuffer, toy_bundle_bytes


@dataclass(frozen=True)
class Stored:
    """A bundle in a folder."""

    path: Path
    sha256: str

    @property
    def name(self) -> str:
        return self.path.name


def store(
    folder: Path,
    name: str,
    *,
    size: int = 16,
    wants_a_part: bool = False,
    turned: bool = False,
    bits: int | None = None,
) -> Stored:
    """A toy bundle; its id differs with its ``size``.

    ``wants_a_part``: an even picture is a fault to it; ``turned``: to it dark pictures are the good ones;
    ``bits``: how many of 16 its photographs used.
    """
    bundle = decode_bundle(toy_bundle_bytes(size=size), name)
    changes: dict[str, Any] = {}
    if wants_a_part:
        changes["input"] = bundle.manifest.input.model_copy(update={"locate": "part"})
    if bits is not None:
        changes["input"] = bundle.manifest.input.model_copy(update={"bits": bits})
    if turned:
        changes["output"] = Output(one_means="ok")
    data = encode_bundle(bundle.manifest.model_copy(update=changes), bundle.flatbuffer, bundle.golden_inputs)
    write_bundle(folder / name, data)
    return Stored(folder / name, hashlib.sha256(data).hexdigest())


def store_deadly(path: Path) -> Stored:
    """A bundle that is whole in every way, whose graph ends the process that loads it."""
    bundle, graph = decode_bundle(toy_bundle_bytes(), path.name), deadly_flatbuffer()
    changes = {"model_sha256": hashlib.sha256(graph).hexdigest()}
    data = encode_bundle(bundle.manifest.model_copy(update=changes), graph, bundle.golden_inputs)
    write_bundle(path, data)
    return Stored(path, hashlib.sha256(data).hexdigest())
