"""Masks told from photographs: pictures that say where the defect of another picture is.

By the name of their folder; by a name that is another picture's with another ending, or with ``_GT`` or
``_mask`` behind it; or by being of two values beside photographs of the same names.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from edge.core.errors import ImageError
from edge.core.images import read_image
from edge.core.photographs.names import key, plain
from edge.core.set_depth import find_set_depth

_FOLDERS = frozenset({"groundtruth", "groundtruths", "gt", "label", "labels", "mask", "masks"})
# Behind the name of the picture that it belongs to. The second kind may stand behind any picture's name.
_SURELY = re.compile(r"[_\-. ](?:gt|masks?|ground_?truth)$")
_PERHAPS = re.compile(
    r"[_\-. ](?:gt|masks?|ground_?truth|labels?|seg(?:mentation)?|annot(?:ation)?|bw|binary)$"
)
_SAMPLE = 4  # pictures of a folder that are looked at first
_FEW_VALUES = 8
# How far JPEG spreads black and white, of how many pixels, and how many of a mask's show a small defect.
_NEAR, _NEARLY_ALL, _HARDLY_ANY = 24, 0.98, 1e-4
_PHOTOGRAPH, _NEARLY_TWO_VALUED, _TWO_VALUED = range(3)


def is_mask_folder(name: str) -> bool:
    """True if a folder of this name holds masks, as ``ground_truth`` and ``Masks`` do."""
    return plain(name).replace("_", "") in _FOLDERS


def tell_masks(root: Path, pictures: Sequence[Path], masks: Collection[Path]) -> dict[Path, Path | None]:
    """All masks below ``root``, each with the photograph that it belongs to, where just one fits.

    ``masks`` are known to be such by their folder; ``pictures`` may be photographs or masks.
    """
    teller = _Teller()
    found = set(masks)
    found |= teller.beside_their_photograph(pictures)
    found |= teller.in_folders_of_their_own([path for path in pictures if path not in found])
    by_name: dict[str, list[Path]] = defaultdict(list)
    for path in pictures:
        if path not in found:
            by_name[key(path.stem)].append(path)
    return {path: _photograph_of(path, by_name, root) for path in sorted(found)}


class _Teller:
    """Looks into a picture only where its name leaves it open what it is, and once."""

    def __init__(self) -> None:
        self._values = cache(_count_values)

    def beside_their_photograph(self, pictures: Sequence[Path]) -> set[Path]:
        """Those in the folder of a photograph whose name they have, with another ending or a word behind."""
        beside: dict[tuple[Path, str], list[Path]] = defaultdict(list)
        for path in pictures:
            beside[path.parent, key(path.stem)].append(path)
        found = set()
        for (folder, stem), same in beside.items():
            bare = _PERHAPS.sub("", stem)
            named = beside.get((folder, bare), []) if bare != stem else []
            for path in same:
                is_sure = bool(named) and _SURELY.search(stem) is not None
                if is_sure or self._is_mask_of(path, [*named, *(one for one in same if one != path)]):
                    found.add(path)
        return found

    def in_folders_of_their_own(self, pictures: Sequence[Path]) -> set[Path]:
        """Those in folders of two-valued pictures, whose photographs lie elsewhere under the same names."""
        folders: dict[Path, list[Path]] = defaultdict(list)
        named: dict[str, list[Path]] = defaultdict(list)
        for path in pictures:
            folders[path.parent].append(path)
            named[_bare(path)].append(path)
        found = set()
        for folder, inside in folders.items():
            twins = {path: [one for one in named[_bare(path)] if one.parent != folder] for path in inside}
            paired = [path for path in inside if twins[path]]
            sample = paired[:: max(1, len(paired) // _SAMPLE)]
            if 2 * len(paired) < len(inside) or not all(
                self._is_mask_of(p, twins[p]) for p in sample[:_SAMPLE]
            ):
                continue
            for path in inside:
                if self._is_mask_of(path, twins[path]) if twins[path] else self._values(path) == _TWO_VALUED:
                    found.add(path)
        return found

    def _is_mask_of(self, path: Path, others: Iterable[Path]) -> bool:
        """True if it has fewer values than a photograph has, and one of the others is rather one."""
        if not (others := list(others)) or self._values(path) == _PHOTOGRAPH:
            return False
        return any(self._values(other) < self._values(path) for other in others)


def _bare(path: Path) -> str:
    return _PERHAPS.sub("", key(path.stem))


def _count_values(path: Path) -> int:
    """The number of values in a picture, as far as two matter; a photograph has noise."""
    try:
        # Dark pictures of 12 bits in 16, cut off to 8, would have as few values as masks.
        pixels = read_image(path, find_set_depth([path]).bits)
    except ImageError:
        return _PHOTOGRAPH
    brightness = pixels if pixels.ndim == 2 else pixels.max(axis=2)
    counts = np.bincount(brightness.ravel(), minlength=256)
    if np.count_nonzero(counts) <= _FEW_VALUES:
        return _TWO_VALUED
    dark, bright = counts[:_NEAR].sum(), counts[-_NEAR:].sum()
    has_both = min(dark, bright) >= _HARDLY_ANY * brightness.size
    return _NEARLY_TWO_VALUED if has_both and dark + bright >= _NEARLY_ALL * brightness.size else _PHOTOGRAPH


def _photograph_of(mask: Path, by_name: dict[str, list[Path]], root: Path) -> Path | None:
    """The photograph of that name which shares most folders' names with the mask."""
    stem = key(mask.stem)
    named = by_name.get(stem) or by_name.get(_PERHAPS.sub("", stem)) or []
    folders = set(mask.parent.relative_to(root).parts)
    shared = [len(folders & set(path.parent.relative_to(root).parts)) for path in named]
    if not shared or shared.count(max(shared)) > 1:
        return None
    return named[shared.index(max(shared))]
