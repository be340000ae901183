"""The content of a folder: photographs, and everything else, with the reason why it is none."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge.core.complaints import listening
from edge.core.errors import InputError
from edge.core.images import IMAGE_SUFFIXES, printable
from edge.core.photographs.archived import is_heatmap
from edge.core.photographs.masks import is_mask_folder, tell_masks

MASKS = "masks, not photographs"
HEATMAPS = "heatmaps of a station, not photographs"
OF_A_RUN = "files of a run of `trainer train`"
FURTHER_PAGES = "further pages of a file"
_HIDDEN = "hidden, by a dot before the name"
_OF_A_SYSTEM = "of an operating system, such as previews"
_BROKEN_LINKS = "links to nothing"
_READ_TWICE = "links to a folder that is read by another name, or that holds the link; not followed"
_NO_FILES = "neither files nor folders"
_DETAILS = re.compile(r" \([^()]*\)$")
# Of Synology, QNAP, macOS and Windows.
_SYSTEM_FOLDERS = frozenset({"@eaDir", ".@__thumb", "__MACOSX", "$RECYCLE.BIN", "System Volume Information"})
# What `trainer train` leaves in the folder of a run that is finished, or was killed.
_RUN_MARKS = frozenset({"run.json", "checkpoint"})


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that was seen and isn't used; ``reason`` is the same for all of its kind.

    ``count``: how many pictures, where a file holds several.
    """

    file: str
    reason: str
    count: int = 1

    def __str__(self) -> str:
        return f"{self.file}: {self.reason}" + (f" ({self.count})" if self.count > 1 else "")


@dataclass(frozen=True)
class Listing:
    """The files below ``root``.

    ``masks``: each mask, and the photograph that it belongs to where one is known.
    ``folders``: all that may hold photographs: no hidden ones, no runs, no folders of masks.
    """

    root: Path
    photographs: list[Path]
    masks: dict[Path, Path | None]
    left_out: list[LeftOut]
    folders: list[Path]

    def name(self, path: Path) -> str:
        """The path as people know it, below the root where it is there."""
        return name_below(self.root, path)


def name_below(root: Path, path: Path) -> str:
    """The path as people know it: relative to ``root`` where it lies there, and as text that prints."""
    return printable(path.relative_to(root) if path.is_relative_to(root) else path)


def list_photographs(root: Path) -> Listing:
    """Everything below ``root``, in the order of its paths: photographs, masks, and what is neither.

    Hidden files are passed over, but counted where their ending is an image's. Links to folders are
    followed, but for those that would show a folder twice. Raises InputError if there is no such folder, or
    one that may not be looked into.
    """
    if not root.is_dir():
        raise InputError(f"{root}: no such folder")
    walk = _Walk(root)
    walk.enter(root)
    walk.follow_links()
    images = sorted(walk.images)
    in_mask_folders = {path for path in images if _lies_in_mask_folder(path, root)}
    with listening():
        masks = tell_masks(root, [path for path in images if path not in in_mask_folders], in_mask_folders)
    left_out = [LeftOut(name_below(root, path), MASKS) for path in masks]
    photographs = [path for path in images if path not in masks]
    return Listing(
        root,
        photographs,
        masks,
        sorted([*walk.left_out, *left_out], key=lambda one: (one.reason, one.file)),
        sorted(path for path in walk.folders if not _lies_in_mask_folder(path / "_", root)),
    )


def unreadable(file: str, error: object, path: Path | str) -> LeftOut:
    """A file that is left out because of an error that names its path."""
    return LeftOut(file, _DETAILS.sub("", str(error).removeprefix(f"{path}: ")))


def list_images(folder: Path) -> list[Path]:
    """The photographs below ``folder``, in the order of their paths; raises InputError."""
    return list_photographs(folder).photographs


def is_run(folder: Path) -> bool:
    """True if this is the folder of a run of `trainer train`, finished or not."""
    return any((folder / name).exists() for name in _RUN_MARKS)


class _Walk:
    """Goes through the folders below a root, once through each."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._within = root.resolve()
        self._followed: set[Path] = set()
        self._links: list[Path] = []
        self.images: list[Path] = []
        self.folders: list[Path] = []
        self.left_out: list[LeftOut] = []

    def enter(self, folder: Path) -> None:
        if folder != self._root and is_run(folder):
            self._leave_out(OF_A_RUN, *(file for file in _files_below(folder)))
            return
        self.folders.append(folder)
        for path in _entries(folder):
            if path.name in _SYSTEM_FOLDERS:
                self._leave_out(
                    _OF_A_SYSTEM, *(file for file in _files_below(path) if has_image_ending(file))
                )
            elif path.name.startswith("."):
                hidden = _files_below(path) if path.is_dir() and not path.is_symlink() else iter((path,))
                self._leave_out(_HIDDEN, *(file for file in hidden if has_image_ending(file)))
            elif path.is_symlink() and path.is_dir():
                self._links.append(path)
            elif path.is_dir():
                self.enter(path)
            elif not path.is_file():
                self._leave_out(_BROKEN_LINKS if path.is_symlink() else _NO_FILES, path)
            elif is_heatmap(path):
                self._leave_out(HEATMAPS, path)
            elif has_image_ending(path):
                self.images.append(path)
            else:
                self._leave_out(_ending_in_words(path), path)

    def follow_links(self) -> None:
        """After all else: what a link shows is best known by its own name."""
        while self._links:
            path = self._links.pop(0)
            target = path.resolve()
            known = (self._within, *self._followed)
            if any(target.is_relative_to(one) or one.is_relative_to(target) for one in known):
                self._leave_out(_READ_TWICE, path)
            else:
                self._followed.add(target)
                self.enter(path)

    def _leave_out(self, reason: str, *paths: Path) -> None:
        self.left_out += [LeftOut(name_below(self._root, path), reason) for path in paths]


def has_image_ending(path: Path) -> bool:
    """True if its ending is one of those that Linegate reads."""
    return path.suffix.lower() in IMAGE_SUFFIXES


def _entries(folder: Path) -> list[Path]:
    try:
        if not os.access(folder, os.R_OK | os.X_OK):
            raise PermissionError
        return sorted(folder.iterdir())
    except OSError as error:
        raise InputError(
            f"{printable(folder)}: this folder may not be read; fix: chmod -R a+rX {printable(folder)}"
        ) from error


def _files_below(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _lies_in_mask_folder(path: Path, root: Path) -> bool:
    return any(is_mask_folder(name) for name in path.parent.relative_to(root).parts)


def _ending_in_words(path: Path) -> str:
    return (
        f"{path.suffix.lower()} files are not read" if path.suffix else "files without an ending are not read"
    )
