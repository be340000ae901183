"""`trainer audit`: look at every photograph once, and compare."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from edge.core.complaints import listening
from edge.core.errors import ImageError, InputError
from edge.core.images import decode_image, is_grey, printable, read_bytes
from edge.core.pages import further_pages
from edge.core.photographs.census import Census
from edge.core.photographs.layouts import Item, Layout
from edge.core.photographs.listing import FURTHER_PAGES, LeftOut, unreadable
from edge.core.set_depth import find_set_depth
from edge.core.words import counted
from trainer.audit.copies import group_copies
from trainer.audit.features import Features, describe
from trainer.audit.findings import Audit, AuditedPhoto
from trainer.audit.probes import KEEPS_COPIES, Probe, Sketch, run_probes, sketch
from trainer.run import Run
from trainer.split import split_by_group

_SEED, _SHARE = 1, 0.2

Seen = tuple[AuditedPhoto, Features, Sketch]


class Seeing(NamedTuple):
    """A photograph to look at, under the name that people will read; ``bits`` that its set uses of 16."""

    item: Item
    file: str
    part: str
    bits: int | None = None


def audit(layout: Layout, test: Layout | None, *, threads: int) -> Audit:
    """Look at all photographs; ``test`` holds those of another folder, to be tested on.

    Raises InputError where fewer than two can be read.
    """
    items = [Seeing(item, layout.file(item), item.part or "train") for item in layout.items]
    if test is not None:  # named with its folder: both may hold an ok/1.png
        items += [Seeing(item, printable(item.path), "test") for item in test.items]
    depth = find_set_depth(seeing.item.path for seeing in items)
    items = [seeing._replace(bits=depth.bits) for seeing in items]
    with listening(), ThreadPoolExecutor(threads) as pool, threadpool_limits(1):
        looking = tqdm(
            pool.map(_examine, items), total=len(items), desc="looking", unit="image", disable=None
        )
        results = list(looking)
        seen = [result for result in results if not isinstance(result, str)]
        if len(seen) < 2:
            why = next((f" ({result})" for result in results if isinstance(result, str)), "")
            raise InputError(
                f"{layout.root}: {counted(len(seen), 'image')} can be read; at least 2 can be compared{why}"
            )
        groups = group_copies([features for _, features, _ in seen], pool)
    photographs = [photo for photo, _, _ in seen]
    errors = {
        seeing.file: result for seeing, result in zip(items, results, strict=True) if isinstance(result, str)
    }
    probes = _probes(photographs, [view for _, _, view in seen], groups)
    left_out = [*layout.unused, *(test.unused if test is not None else [])]
    left_out += [LeftOut(photo.file, FURTHER_PAGES, photo.pages) for photo in photographs if photo.pages]
    left_out += [
        unreadable(seeing.file, errors[seeing.file], seeing.item.path)
        for seeing in items
        if seeing.file in errors
    ]
    files = Census.of(len(photographs), left_out)
    return Audit(layout.recognised, photographs, errors, files, groups, probes, depth=depth.note)


def with_suspects(found: Audit, run: Run) -> Audit:
    """The audit with the photographs whose label the run doubts; raises InputError if it knows none."""
    here = {(photo.file, photo.label) for photo in found.photographs}
    known = [*run.train, *run.held_out]
    if not here & {(item.file, item.label) for item in known}:
        raise InputError(f"--run: it learned from {run.data}, and knows none of these photographs")
    return replace(found, suspects=[one for one in run.suspects if (one.file, one.label) in here])


def _examine(task: Seeing) -> Seen | str:
    """The facts of one photograph that are kept, or why it cannot be used."""
    item, file, part, bits = task
    try:
        data = read_bytes(item.path)
        image = decode_image(data, str(item.path), bits=bits)
    except ImageError as error:
        return str(error)
    height, width = image.shape[:2]
    digest = sha256(data).hexdigest()
    photo = AuditedPhoto(
        item.path, file, item.label, part, digest, (width, height), is_grey(image), further_pages(data)
    )
    return photo, describe(image), sketch(image, len(data))


def _probes(
    photographs: Sequence[AuditedPhoto], sketches: Sequence[Sketch], groups: NDArray[np.int64]
) -> list[Probe]:
    """On the owner's split; else on a random one and, where there are copies, one that keeps them so."""
    names = sorted({photo.label for photo in photographs})
    if len(names) < 2:
        return []
    labels = np.array([names.index(photo.label) for photo in photographs])
    is_test = np.array([photo.part == "test" for photo in photographs])
    if is_test.any() and set(labels[is_test]) <= set(labels[~is_test]):
        train, test = np.flatnonzero(~is_test), np.flatnonzero(is_test)
        return run_probes(sketches, labels, train, test, groups=groups, split="your test split")
    splits = {"a random split": np.arange(len(photographs))}
    if len(set(groups.tolist())) < len(photographs):
        splits[KEEPS_COPIES] = groups
    probes = []
    for name, chosen in splits.items():
        try:
            train, test = split_by_group(labels, chosen, share=_SHARE, seed=_SEED)
        except InputError:
            continue  # a class that is a single picture cannot be split
        probes += run_probes(sketches, labels, train, test, groups=chosen, split=name)
    return probes
