"""The ways in which people keep labelled photographs, read as they are."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edge.core.errors import InputError
from edge.core.images import IMAGE_SUFFIXES, is_image_file, list_images, printable
from edge.core.tables import read_rows
from edge.core.words import counted

Part = Literal["train", "test"]
# What others hold back to choose by is learned from: the trainer holds back parts of its own choice.
_PARTS: dict[str, Part] = {
    **dict.fromkeys(("train", "training", "val", "valid", "validation"), "train"),
    **dict.fromkeys(("test", "testing"), "test"),
}
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
        known = item.path.relative_to(self.root) if item.path.is_relative_to(self.root) else item.path
        return printable(known)


def read_layout(data: Path) -> Layout:
    """Recognise how ``data`` is laid out.

    A CSV file of file, label and maybe split; DAGM 2007; MVTec AD; train and test folders; class
    folders; one folder whose file names begin with the class. Raises InputError, which says what
    was found and what would be right.
    """
    try:
        return _recognise(data)
    except OSError as error:
        raise InputError(f"{error.filename or data}: cannot be read ({error.strerror})") from error


def _recognise(data: Path) -> Layout:
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
    items: dict[Path, Item] = {}
    for number, row in enumerate(rows, 1):
        where = f"{file}: row {number} below the first line"
        name, label, part = row["file"], row["label"], row.get("split", "").lower()
        if not name or not label:
            raise InputError(f"{where}: a file and a label would be right")
        if part and part not in _PARTS:
            raise InputError(f"{where}: split {part}; train, val or test would be right")
        path = _named(file.parent, name)
        if path in items:
            raise InputError(f"{where}: {name} stands above already; one row for each file would be right")
        items[path] = Item(path, label, _PARTS.get(part))
    return Layout(file.parent, f"a CSV file of {counted(len(items), 'file')} and labels", [*items.values()])


def _named(folder: Path, name: str) -> Path:
    """The file of that name; what was written on Windows has the other slashes."""
    plain, turned = folder / name, folder / name.replace("\\", "/")
    return turned if "\\" in name and turned.is_file() else plain


def _dagm(root: Path) -> Layout | None:
    """DAGM 2007: ClassN/Train and ClassN/Test, each with Label/Labels.txt."""
    lists = sorted({*root.glob("*/Label/Labels.txt"), *root.glob("*/*/Label/Labels.txt")})
    if not lists:
        return None
    items: list[Item] = []
    for file in lists:
        folder, before = file.parent.parent, len(items)
        part = _PARTS.get(folder.name.lower())
        for line in file.read_text("utf-8", errors="replace").splitlines():
            words = line.split()
            if len(words) < 5:
                continue  # the first line is a count
            is_defect = words[1] == "1"
            mask = file.parent / words[4] if is_defect else None
            items.append(Item(folder / words[2], "defect" if is_defect else "ok", part, mask))
        if len(items) == before:
            raise InputError(f"{file}: not a list of labels as DAGM 2007 has them")
    return Layout(root, f"DAGM 2007, {counted(len(lists), 'list')} of labels", items)


def _parts(root: Path) -> Layout | None:
    """train/, maybe val/, and test/ with class folders; with masks in ground_truth/ as in MVTec AD."""
    folders = [path for path in _folders(root) if path.name.lower() in _PARTS]
    if not folders:
        return None
    items = []
    for part_folder in folders:
        part = _PARTS[part_folder.name.lower()]
        for name, paths in _images_by_class(part_folder).items():
            items += [Item(path, name, part, _mask(root, part_folder, path)) for path in paths]
    kind = "MVTec AD" if (root / "ground_truth").is_dir() else "class folders"
    names = [f"{path.name}/" for path in folders]
    learned = [name for name in names if _PARTS[name.rstrip("/").lower()] == "train"]
    also = f"; {' and '.join(learned)} are both learned from" if len(learned) > 1 else ""
    return Layout(root, f"{kind} in {' and '.join(names)}{also}", items)


def _mask(root: Path, part_folder: Path, path: Path) -> Path | None:
    inside = path.relative_to(part_folder)
    mask = root / "ground_truth" / inside.parent / f"{path.stem}_mask.png"
    return mask if mask.is_file() else None


def _classes(root: Path) -> Layout | None:
    if not _folders(root):
        return None
    found = _images_by_class(root)
    for name, paths in found.items():
        if not paths:
            kinds = ", ".join(sorted(IMAGE_SUFFIXES))
            raise InputError(f"{root / name}: holds no images ({kinds}); add some, or remove the folder")
    items = [Item(path, name) for name, paths in found.items() for path in paths]
    beside = sum(path.is_file() and is_image_file(path) for path in root.iterdir())
    left_out = f"; {counted(beside, 'image')} beside them left out" if beside else ""
    no_classes = sorted(path.name for path in root.iterdir() if path.name.lower() in _NOT_CLASSES)
    left_out += f"; {' and '.join(no_classes)} left out as no class" if no_classes else ""
    return Layout(root, f"{counted(len(found), 'class folder')}{left_out}", items)


def _images_by_class(root: Path) -> dict[str, list[Path]]:
    """The images of each class folder; raises InputError where there is none, or one is a data set itself."""
    folders = _folders(root)
    if not folders:
        raise InputError(f"{root}: holds no class folders; {root / 'ok'}, {root / 'defect'} … would be right")
    found = {}
    for folder in folders:
        inner = [path.name for path in _folders(folder) if path.name.lower() in _PARTS]
        if inner:
            raise InputError(
                f"{root}: {folder.name}/ is no class but holds {' and '.join(inner)}; {folder} would be right"
            )
        found[folder.name] = list_images(folder)
    return found


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
    return Layout(root, f"file names that begin with one of {counted(len(counts), 'class')}", items)


def _folders(root: Path) -> list[Path]:
    return sorted(
        path
        for path in root.iterdir()
        if path.is_dir() and not path.name.startswith(".") and path.name.lower() not in _NOT_CLASSES
    )
