"""Folders of photographs to arrays: one folder a class."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from edge.decision import Task, find_ok_class
from edge.errors import ImageError, InputError
from edge.images import is_grey, list_images, read_image
from edge.preprocess import InputSpec, preprocess

MIN_IMAGES_PER_CLASS = 5
_COLOUR_SAMPLE = 200
_READERS = 8


@dataclass(frozen=True)
class Photograph:
    """One file of a data set; ``file`` is relative to its root, ``digest`` the SHA-256 of its bytes."""

    file: str
    label: str
    digest: str


@dataclass(frozen=True)
class Dataset:
    """Photographs and their pixels, uint8 (N, height, width, channels), in the same order."""

    root: Path
    task: Task
    classes: list[str]
    ok_class: str | None
    spec: InputSpec
    photographs: list[Photograph]
    pixels: NDArray[np.uint8]
    left_out: dict[str, str]

    @property
    def labels(self) -> NDArray[np.int64]:
        """Class numbers (N,)."""
        return np.array([self.classes.index(photograph.label) for photograph in self.photographs])

    def fingerprint(self) -> str:
        """A SHA-256 over the names, labels and contents of all photographs."""
        lines = sorted(f"{p.label} {p.file} {p.digest}" for p in self.photographs)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def find_classes(root: Path, *, at_least: int = 2) -> dict[str, list[Path]]:
    """The class folders and their images; raises InputError for a folder that is no data set."""
    if not root.is_dir():
        raise InputError(f"{root}: no such folder")
    folders = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    if len(folders) < at_least:
        raise InputError(
            f"{root}: holds {len(folders)} class folders; one folder for each class, at least {at_least}"
        )
    found = {folder.name: list_images(folder) for folder in folders}
    for name, paths in found.items():
        if not paths:
            raise InputError(f"{root / name}: holds no images; add some, or remove the folder")
    return found


def choose_task(
    names: Sequence[str], *, task: str, ok_class: str | None
) -> tuple[Task, list[str], str | None]:
    """Task, classes in the order of the outputs, and the OK class; raises InputError where they don't fit."""
    if ok_class is not None and ok_class not in names:
        raise InputError(f"--ok {ok_class}: no such class; there are {', '.join(names)}")
    ok_class = ok_class or find_ok_class(list(names))
    if task == "binary" or (task == "auto" and len(names) == 2 and ok_class is not None):
        if ok_class is None:
            raise InputError(f"which of {', '.join(names)} is OK? name it with --ok")
        defect = next(name for name in names if name != ok_class) if len(names) == 2 else "defect"
        return "binary", [ok_class, defect], ok_class
    return "classes", list(names), ok_class


def load_training_set(root: Path, *, task: str, ok_class: str | None, size: int) -> Dataset:
    """Read a data set to learn from; raises InputError, which names the folder or class."""
    found = find_classes(root)
    chosen, classes, ok_class = choose_task(list(found), task=task, ok_class=ok_class)
    paths = [path for group in found.values() for path in group]
    labels = [name if name in classes else classes[1] for name, group in found.items() for _ in group]
    spec = InputSpec(width=size, height=size, channels=1 if _all_grey(paths) else 3)
    dataset = _load(root, paths, labels, chosen, classes, ok_class, spec)
    counts = Counter(photograph.label for photograph in dataset.photographs)
    for name in classes:
        if counts[name] < MIN_IMAGES_PER_CLASS:
            raise InputError(
                f"{root}: class {name} has {counts[name]} usable images; at least {MIN_IMAGES_PER_CLASS}"
            )
    return dataset


def load_test_set(
    root: Path, *, task: Task, classes: list[str], ok_class: str | None, spec: InputSpec
) -> Dataset:
    """Read photographs to score a run on; raises InputError for a folder that is no known class."""
    known = {name.casefold(): name for name in classes}
    paths, labels = [], []
    found = find_classes(root, at_least=1)
    ok_folder = next((n for n in found if known.get(n.casefold()) == ok_class), None) or find_ok_class(
        list(found)
    )
    for name, group in found.items():
        label = known.get(name.casefold())
        if label is None and ok_class is not None and name == ok_folder:
            label = ok_class
        if label is None and task == "binary":
            label = classes[1]
        if label is None:
            raise InputError(f"{root / name}: no such class in the run; it knows {', '.join(classes)}")
        paths += group
        labels += [label] * len(group)
    return _load(root, paths, labels, task, classes, ok_class, spec)


def _all_grey(paths: Sequence[Path]) -> bool:
    step = max(1, len(paths) // _COLOUR_SAMPLE)
    for path in paths[::step]:
        try:
            if not is_grey(read_image(path)):
                return False
        except ImageError:
            continue
    return True


def _load(
    root: Path,
    paths: Sequence[Path],
    labels: Sequence[str],
    task: Task,
    classes: list[str],
    ok_class: str | None,
    spec: InputSpec,
) -> Dataset:
    def read(path: Path) -> tuple[str, NDArray[np.uint8]] | str:
        try:
            return hashlib.sha256(path.read_bytes()).hexdigest(), preprocess(read_image(path), spec)
        except (ImageError, OSError) as error:
            return str(error)

    photographs, pixels, left_out = [], [], {}
    with ThreadPoolExecutor(_READERS) as readers:
        results = tqdm(readers.map(read, paths), total=len(paths), desc="reading", unit="image", disable=None)
        for path, label, result in zip(paths, labels, results, strict=True):
            file = str(path.relative_to(root))
            if isinstance(result, str):
                left_out[file] = result
            else:
                photographs.append(Photograph(file, label, result[0]))
                pixels.append(result[1])
    if not photographs:
        raise InputError(f"{root}: no image that can be read")
    return Dataset(root, task, classes, ok_class, spec, photographs, np.stack(pixels), left_out)
