"""The ways in which people keep labelled photographs, read as they are."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edge.errors import InputError
from edge.images import is_image_file, list_images
from trainer.tables import read_rows

Part = Literal["train", "test"]
_PARTS: dict[str, Part] = {"train": "train", "training": "train", "test": "test", "testing": "test"}
_NOT_CLASSES = frozenset({"ground_truth", "label", "labels", "mask", "masks"})
_PREFIX = re.compile(r"(.*[^\d_\-. ])[_\-. ]*\d+$")


@dataclass(frozen=True)
class Item:
    """One labelled photograph; ``part`` is what its owner meant it for, if that is said."""

    path: Path
    label: str
    part: Part | None = None
    mask: Path | None = None


@dataclass(frozen=True)
class Layout:
    """Labelled photographs under ``root``, and in words how they were found."""

    root: Path
    recognised: str
    items: list[Item]

    def of(self, part: Part) -> list[Item]:
        """The items for training (also those of which nothing is said) or for testing."""
        return [item for item in self.items if (item.part or "train") == part]

    def file(self, item: Item) -> str:
        """The item's path as people know it, below the root where it is there."""
        return (
            str(item.path.relative_to(self.root)) if item.path.is_relative_to(self.root) else str(item.path)
        )


def read_layout(data: Path) -> Layout:
    """Recognise how ``data`` is laid out.

    A CSV file of file, label and maybe split; DAGM 2007; MVTec AD; train and test folders; class
    folders; one folder whose file names begin with the class. Raises InputError, which says what
    was found and what would be right.
    """
    if data.is_file():
        return _from_csv(data)
    if not data.is_dir():
        raise InputError(f"{data}: no such folder")
    readers: Iterable[Callable[[Path], Layout | None]] = (_dagm, _parts, _classes, _prefixes)
    for read in readers:
        layout = read(data)
        if layout is not None:
            return layout
    raise InputError(f"{data}: holds no images; one folder for each class, with photographs, would be right")


def _from_csv(file: Path) -> Layout:
    rows = read_rows(file, {"file", "label"})
    items = []
    for number, row in enumerate(rows, 2):
        name, label, part = row["file"], row["label"], (row.get("split") or "").strip().lower()
        if not name or not label:
            raise InputError(f"{file}: line {number}: a file and a label would be right")
        if part and part not in _PARTS:
            raise InputError(f"{file}: line {number}: split {part}; train or test would be right")
        items.append(Item(file.parent / name, label.strip(), _PARTS.get(part)))
    return Layout(file.parent, f"a CSV file of {len(items)} files and labels", items)


def _dagm(root: Path) -> Layout | None:
    """DAGM 2007: ClassN/Train and ClassN/Test, each with Label/Labels.txt."""
    lists = sorted({*root.glob("*/Label/Labels.txt"), *root.glob("*/*/Label/Labels.txt")})
    if not lists:
        return None
    items = []
    for file in lists:
        folder = file.parent.parent
        part = _PARTS.get(folder.name.lower())
        for line in file.read_text("utf-8", errors="replace").splitlines():
            words = line.split()
            if len(words) < 5:
                continue  # the first line is a count
            is_defect = words[1] == "1"
            mask = file.parent / words[4] if is_defect else None
            items.append(Item(folder / words[2], "defect" if is_defect else "ok", part, mask))
    if not items:
        raise InputError(f"{lists[0]}: not a list of labels as DAGM 2007 has them")
    return Layout(root, f"DAGM 2007, {len(lists)} lists of labels", items)


def _parts(root: Path) -> Layout | None:
    """train/ and test/ with class folders; with masks in ground_truth/ as in MVTec AD."""
    folders = {_PARTS[path.name.lower()]: path for path in _folders(root) if path.name.lower() in _PARTS}
    if "train" not in folders:
        return None
    items = [
        Item(path, folder.name, part, _mask(root, part_folder, path))
        for part, part_folder in folders.items()
        for folder in _folders(part_folder)
        for path in list_images(folder)
    ]
    kind = "MVTec AD" if (root / "ground_truth").is_dir() else "class folders"
    return Layout(root, f"{kind} in {' and '.join(sorted(folders, reverse=True))}/", items)


def _mask(root: Path, part_folder: Path, path: Path) -> Path | None:
    inside = path.relative_to(part_folder)
    mask = root / "ground_truth" / inside.parent / f"{path.stem}_mask.png"
    return mask if mask.is_file() else None


def _classes(root: Path) -> Layout | None:
    folders = _folders(root)
    if not folders:
        return None
    found = {folder.name: list_images(folder) for folder in folders}
    for name, paths in found.items():
        if not paths:
            raise InputError(f"{root / name}: holds no images; add some, or remove the folder")
    items = [Item(path, name) for name, paths in found.items() for path in paths]
    return Layout(root, f"{len(found)} class folders", items)


def _prefixes(root: Path) -> Layout | None:
    """One folder of files named class_number, as NEU has them."""
    paths = sorted(path for path in root.iterdir() if path.is_file() and is_image_file(path))
    if not paths:
        return None
    matches = [_PREFIX.match(path.stem) for path in paths]
    labels = [match.group(1) if match else None for match in matches]
    counts = Counter(labels)
    if None in counts or len(counts) < 2 or min(counts.values()) < 2:
        raise InputError(
            f"{root}: holds images but no class folders, and their names do not begin with a class; "
            "one folder for each class would be right"
        )
    items = [Item(path, str(label)) for path, label in zip(paths, labels, strict=True)]
    return Layout(root, f"file names that begin with one of {len(counts)} classes", items)


def _folders(root: Path) -> list[Path]:
    return sorted(
        path
        for path in root.iterdir()
        if path.is_dir() and not path.name.startswith(".") and path.name.lower() not in _NOT_CLASSES
    )
