"""The folders of a listing, and which of them are classes, parts of a data set, or mere wrappers."""

from collections import Counter, defaultdict
from functools import cached_property
from pathlib import Path
from typing import Literal

from edge.core.decision import DEFECT_NAMES, OK_NAMES
from edge.core.photographs.archived import is_archived
from edge.core.photographs.listing import Listing, is_run
from edge.core.photographs.names import composed, plain

Part = Literal["train", "test"]
# What others hold back to choose by is learned from: the trainer holds back parts of its own choice.
PARTS: dict[str, Part] = {
    **dict.fromkeys(("train", "training", "val", "valid", "validation"), "train"),
    **dict.fromkeys(("test", "testing"), "test"),
}

_SEVERAL = 2
# Of views, times and ways of keeping pictures, inside of a class.
_NO_KINDS = frozenset(
    {
        "front", "back", "rear", "left", "right", "top", "bottom", "upper", "lower", "side", "up", "down",
        "inside", "outside", "inner", "outer", "horizontal", "vertical", "cam", "camera", "view", "angle",
        "day", "night", "morning", "evening", "early", "late", "old", "new", "more", "bright", "dark",
        "light", "image", "images", "img", "imgs", "photo", "photos", "picture", "pictures", "crop", "crops",
        "raw", "original", "originals", "augmented", "lot", "batch", "series",
    }
)  # fmt: skip


class Tree:
    """The folders below the root of a listing, with the photographs whose folders may tell the truth."""

    def __init__(self, listing: Listing) -> None:
        self.listing = listing
        self.root = listing.root
        self.archived = [path for path in listing.photographs if is_archived(path)]
        archived = set(self.archived)
        self.photographs = [path for path in listing.photographs if path not in archived]
        self._directly: dict[Path, list[Path]] = defaultdict(list)
        self._subfolders: dict[Path, list[Path]] = defaultdict(list)
        for path in self.photographs:
            self._directly[path.parent].append(path)
        for folder in listing.folders:
            if folder != self.root:
                self._subfolders[folder.parent].append(folder)

    @cached_property
    def _holders(self) -> set[Path]:
        return {folder for path in self._directly for folder in (path, *path.parents)}

    def holds_photographs(self, folder: Path) -> bool:
        """True if photographs lie in it, at any depth, of which the folder may tell what they show."""
        return folder in self._holders

    def folders_in(self, folder: Path) -> list[Path]:
        """The folders directly in it."""
        return self._subfolders.get(folder, [])

    def directly_in(self, folder: Path) -> list[Path]:
        """The photographs directly in it."""
        return self._directly.get(folder, [])

    def below(self, folder: Path) -> list[Path]:
        """The photographs in it, at any depth, in the order of their paths."""
        inner = [path for one in self.folders_in(folder) for path in self.below(one)]
        return sorted([*self.directly_in(folder), *inner])

    def empty_folders_in(self, folder: Path) -> list[Path]:
        """Those directly in it that hold no photographs at all, and neither masks nor runs."""
        full = {one for path in (*self.listing.photographs, *self.listing.masks) for one in path.parents}
        empty = [one for one in self.folders_in(folder) if one not in full]
        return [one for one in empty if not any(is_run(path) for path in one.rglob("*") if path.is_dir())]

    def twins_in(self, folder: Path) -> list[str]:
        """Names that several of its folders have, spelled otherwise."""
        counts = Counter(composed(one.name) for one in self.folders_in(folder))
        return sorted(name for name, count in counts.items() if count > 1)

    def enter(self, folder: Path) -> Path:
        """The folder itself, or that inside of it, alone among folders, which holds the class folders."""
        at = folder
        while not self.directly_in(at):
            inside = [one for one in self.folders_in(at) if self.holds_photographs(one)]
            if len(inside) != 1:
                return at if inside else folder
            (only,) = inside
            if _is_telling(only.name) or only.name.lower() in PARTS:
                return at
            at = only
        return folder

    def data_set_in(self, folder: Path) -> list[Path]:
        """Folders of classes or of parts inside of a folder, which is no class then; maybe none."""
        inside = [one for one in self.folders_in(folder) if self.holds_photographs(one)]
        parts = [one for one in inside if one.name.lower() in PARTS]
        if parts or _is_telling(folder.name):
            return parts
        if any(plain(one.name) in OK_NAMES for one in inside):
            return inside
        return next((found for one in inside if (found := self.data_set_in(one))), [])

    def products_in(self, folder: Path) -> dict[Path, list[Path]]:
        """Folders of products, with the class folders of each, where no OK folder tells them; maybe none.

        They have several folders each, and nothing beside them, whose names are words: lots, days and
        cameras have numbers, or are ``left`` and ``right``.
        """
        outer = [one for one in self.folders_in(folder) if self.holds_photographs(one)]
        if len(outer) < _SEVERAL or any(_is_telling(one.name) for one in outer):
            return {}
        return {one: classes for one in outer if (classes := self._kinds_in(one))}

    def _kinds_in(self, folder: Path) -> list[Path]:
        at = self.enter(folder)
        inside = [one for one in self.folders_in(at) if self.holds_photographs(one)]
        if self.directly_in(at) or len(inside) < _SEVERAL:
            return []
        return inside if all(_may_name_a_kind(one.name) for one in inside) else []


def _may_name_a_kind(name: str) -> bool:
    return not any(sign.isdecimal() for sign in name) and not _NO_KINDS & {*plain(name).split("_")}


def _is_telling(name: str) -> bool:
    return plain(name) in OK_NAMES or plain(name) in DEFECT_NAMES
