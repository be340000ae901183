"""Labelled photographs to arrays."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from edge.core.complaints import listening
from edge.core.decision import Task, find_ok_class, has_one_logit
from edge.core.disk_array import disk_array
from edge.core.errors import ImageError, InputError
from edge.core.images import Image, decode_image, is_grey, read_bytes, read_image
from edge.core.memory import memory_for
from edge.core.pages import further_pages
from edge.core.photographs.layouts import Item, Layout
from edge.core.photographs.truths import Vocabulary, tell_truths
from edge.core.preprocess import InputSpec, Locate, preprocess
from edge.core.set_depth import SetDepth, find_set_depth
from edge.core.words import counted
from trainer.audit.features import Features, describe
from trainer.groups import COPIES, NONE, Groups, group_photographs
from trainer.input_size import Shape, Size, input_spec, smallest

MIN_IMAGES_PER_CLASS = 5
SQUARE = 160  # pixels a side, of parts that are located first
_SAMPLE = 200  # photographs that show what all are like
_READERS = 8
_AT_ONCE = 256


@dataclass(frozen=True)
class Photograph:
    """One file of a data set; ``file`` is relative to its root, ``digest`` the SHA-256 of its bytes.

    ``mask``: where its defect is, if its owner said so.
    """

    file: str
    label: str
    digest: str
    mask: Path | None = None


@dataclass(frozen=True)
class Dataset:
    """Photographs and their pixels, uint8 (N, height, width, channels), in the same order.

    A label that is none of ``classes`` is a defect of a kind that the model doesn't know; there are such only
    among photographs to score it on. The pixels are on the disk: read them in parts. ``pages``: files of
    which only the first page is used, and how many more they have. ``shape``: of the photographs as they lie,
    where known.
    """

    root: Path
    task: Task
    classes: list[str]
    ok_class: str | None
    spec: InputSpec
    photographs: list[Photograph]
    pixels: NDArray[np.uint8]
    groups: Groups
    left_out: dict[str, str]
    warnings: list[str] = field(default_factory=list)
    pages: dict[str, int] = field(default_factory=dict)
    shape: Shape | None = None

    @property
    def labels(self) -> NDArray[np.int64]:
        """Class numbers (N,); those of unknown kinds follow after the classes."""
        numbers = {name: number for number, name in enumerate([*self.classes, *self.unknown_kinds])}
        return np.array([numbers[photograph.label] for photograph in self.photographs])

    @property
    def unknown_kinds(self) -> list[str]:
        """Labels that are none of the classes, in alphabetical order."""
        return sorted({photograph.label for photograph in self.photographs} - set(self.classes))

    @property
    def ok_index(self) -> int | None:
        """The number of the OK class, where there is one."""
        return None if self.ok_class is None else self.classes.index(self.ok_class)

    @property
    def alone(self) -> int | None:
        """The number of the class that is learned from alone, where that is the task."""
        return self.ok_index if self.task == "anomaly" else None

    @property
    def outputs(self) -> int:
        """The number of logits of a model for it."""
        return 1 if has_one_logit(self.task) else len(self.classes)

    def subset(self, positions: NDArray[np.int64]) -> "Dataset":
        """The photographs at these positions."""
        return replace(self.described(positions), pixels=_take(self.pixels, positions))

    def described(self, positions: NDArray[np.int64]) -> "Dataset":
        """The same photographs, with the pixels of all: for what needs none, or reads them anew."""
        return replace(
            self,
            photographs=[self.photographs[int(position)] for position in positions],
            groups=replace(self.groups, numbers=self.groups.numbers[positions]),
            left_out={},
            pages={},
        )

    def fingerprint(self) -> str:
        """A SHA-256 over the names, labels and contents of all photographs."""
        lines = sorted(f"{p.label} {p.file} {p.digest}" for p in self.photographs)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _take(pixels: NDArray[np.uint8], positions: NDArray[np.int64]) -> NDArray[np.uint8]:
    taken = disk_array((len(positions), *pixels.shape[1:]), np.uint8)
    for start in range(0, len(positions), _AT_ONCE):
        taken[start : start + _AT_ONCE] = pixels[positions[start : start + _AT_ONCE]]
    return taken


def choose_task(
    names: Sequence[str], *, task: str, ok_class: str | None
) -> tuple[Task, list[str], str | None]:
    """Task, classes in the order of the outputs, and the OK class; raises InputError where they don't fit."""
    if ok_class is not None and ok_class not in names:
        raise InputError(f"--ok {ok_class}: no such class; there are {', '.join(names)}")
    ok_class = ok_class or find_ok_class(list(names))
    if task == "anomaly" or (task == "auto" and len(names) == 1 and ok_class is not None):
        if ok_class is None:
            raise InputError(f"which of {', '.join(names)} is OK? name it with --ok")
        defects = [name for name in names if name != ok_class]
        return "anomaly", [ok_class, defects[0] if len(defects) == 1 else "defect"], ok_class
    if task == "binary" or (task == "auto" and len(names) == 2 and ok_class is not None):
        if ok_class is None:
            raise InputError(f"which of {', '.join(names)} is OK? name it with --ok")
        defect = next(name for name in names if name != ok_class) if len(names) == 2 else "defect"
        return "binary", [ok_class, defect], ok_class
    return "classes", list(names), ok_class


def load_training_set(
    layout: Layout,
    *,
    task: str,
    ok_class: str | None,
    size: Size | None,
    groups: str,
    threads: int,
    locate: Locate = "none",
) -> Dataset:
    """Read a data set to learn from; raises InputError, which names the folder or class.

    Without a ``size`` the smallest that keeps the shape of the photographs.
    """
    items = layout.of("train")
    names = sorted({item.label for item in items})
    chosen, classes, ok_class = choose_task(names, task=task, ok_class=ok_class)
    if len(names) < 2 and chosen != "anomaly":
        raise InputError(
            f"{layout.root}: holds {counted(len(names), 'class')} to learn from; expected at least 2, "
            "or OK parts alone, named with --ok and --task anomaly"
        )
    labels = [item.label if item.label in classes else classes[1] for item in items]
    depth = find_set_depth(item.path for item in items)
    shape = _shape(items, depth)
    spec = input_spec(size or _first_size(shape, locate), shape.channels, locate).model_copy(
        update={"bits": depth.bits}
    )
    dataset = _load(layout, items, labels, chosen, classes, ok_class, spec, groups=groups, threads=threads)
    dataset = replace(dataset, shape=shape)
    if depth.note is not None:
        dataset.warnings.append(depth.note)
    counts = Counter(photograph.label for photograph in dataset.photographs)
    for name in classes[:1] if chosen == "anomaly" else classes:
        if counts[name] < MIN_IMAGES_PER_CLASS:
            raise InputError(
                f"{layout.root}: class {name} has {counted(counts[name], 'usable image')}; "
                f"expected at least {MIN_IMAGES_PER_CLASS}"
            )
    if ok_class is None and len(classes) == 2:
        dataset.warnings.append(
            f"neither {classes[0]} nor {classes[1]} is a usual name of OK parts: both are taken for defects; "
            "--ok says which is OK"
        )
    return dataset


def load_test_set(layout: Layout, known: Vocabulary, *, spec: InputSpec, groups: str = NONE) -> Dataset:
    """Read photographs to score a model on, whose classes ``known`` names.

    A label beside OK parts that is no class is a defect of unknown kind; without OK parts InputError is
    raised for it, but where the model tells one kind of defect alone. Where the layout has a part for
    testing, only that is read.
    """
    items = layout.of("test") or layout.items
    classes, ok_class = list(known.classes), known.ok_class
    told = {one.path: one.label for one in tell_truths(layout, known)}
    guessed = sorted({item.label for item in items if told[item.path] is None})
    if guessed and not has_one_logit(known.task):
        raise InputError(
            f"{layout.root}: {guessed[0]}: no such class in the run; it knows {', '.join(classes)}"
        )
    labels = [told[item.path] or classes[1] for item in items]
    depth = find_set_depth(item.path for item in items) if spec.bits is None else SetDepth()
    spec = spec.model_copy(update={"bits": spec.bits or depth.bits})
    dataset = _load(
        layout, items, labels, known.task, classes, ok_class, spec, groups=groups, threads=_READERS
    )
    if depth.note is not None:
        dataset.warnings.append(depth.note)
    if guessed:
        dataset.warnings.append(
            f"{layout.root}: {', '.join(guessed)}: taken for {classes[1]}; "
            f"a folder of OK parts would be named {ok_class}"
        )
    if dataset.unknown_kinds:
        dataset.warnings.append(
            f"{layout.root}: {', '.join(dataset.unknown_kinds)}: defects of kinds that the run does not "
            "know; what passes of them is an escape"
        )
    return dataset


def _first_size(shape: Shape, locate: Locate) -> Size:
    return smallest(shape) if locate == "none" else Size(SQUARE, SQUARE)


def _shape(items: Sequence[Item], depth: SetDepth) -> Shape:
    """Of photographs as they lie, by a sample of those that can be read."""
    sizes, all_grey = [], True
    with listening():
        for item in items[:: max(1, len(items) // _SAMPLE)]:
            try:
                image = read_image(item.path, depth.bits)
            except ImageError:
                continue
            sizes.append(image.shape[:2])
            all_grey = all_grey and is_grey(image)
    heights, widths = np.array(sizes or [(SQUARE, SQUARE)], float).T
    aspects = widths / heights
    return Shape(
        width=float(np.median(widths)),
        height=float(np.median(heights)),
        narrowest=float(aspects.min()),
        widest=float(aspects.max()),
        channels=1 if all_grey else 3,
    )


def resized(dataset: Dataset, spec: InputSpec, at: NDArray[np.int64] | None = None) -> Dataset:
    """The same photographs, or those at some positions, read again as ``spec`` wants them.

    Raises InputError where one can no longer be read.
    """
    some = dataset if at is None else dataset.described(at)
    pixels = disk_array((len(some.photographs), spec.height, spec.width, spec.channels), np.uint8)
    with ThreadPoolExecutor(_READERS) as readers:
        found = readers.map(lambda one: _read_again(dataset.root / one.file, spec), some.photographs)
        name = f"reading at {spec.width}x{spec.height}"
        for number, image in enumerate(tqdm(found, total=len(pixels), desc=name, unit="image", disable=None)):
            pixels[number] = preprocess(image, spec)
    return replace(some, spec=spec, pixels=pixels)


def _read_again(path: Path, spec: InputSpec) -> Image:
    try:
        return read_image(path, spec.bits)
    except ImageError as error:
        raise InputError(f"{error}; it could be read before") from error


class _Read(NamedTuple):
    """The facts of one file that are kept; ``pages``: how many it has behind the first."""

    digest: str
    pixels: NDArray[np.uint8]
    features: Features | None
    pages: int


def _load(
    layout: Layout,
    items: Sequence[Item],
    labels: Sequence[str],
    task: Task,
    classes: list[str],
    ok_class: str | None,
    spec: InputSpec,
    *,
    groups: str,
    threads: int,
) -> Dataset:
    def read(item: Item) -> _Read | str:
        try:
            with memory_for(str(item.path)):
                data = read_bytes(item.path)
                image = decode_image(data, str(item.path), bits=spec.bits)
                digest = hashlib.sha256(data).hexdigest()
                features = describe(image) if groups == COPIES else None
                return _Read(digest, preprocess(image, spec), features, further_pages(data))
        except ImageError as error:
            return str(error)

    photographs: list[Photograph] = []
    features, left_out, pages = [], {}, {}
    pixels = disk_array((len(items), spec.height, spec.width, spec.channels), np.uint8)
    with listening(), ThreadPoolExecutor(threads) as readers:
        results = tqdm(readers.map(read, items), total=len(items), desc="reading", unit="image", disable=None)
        for item, label, result in zip(items, labels, results, strict=True):
            file = layout.file(item)
            if isinstance(result, str):
                left_out[file] = result
                continue
            pixels[len(photographs)] = result.pixels
            photographs.append(Photograph(file, label, result.digest, item.mask))
            if result.features is not None:
                features.append(result.features)
            if result.pages:
                pages[file] = result.pages
    if not photographs:
        why = next(iter(left_out.values()), "it holds none to learn from")
        raise InputError(f"{layout.root}: no image that can be read ({why})")
    files = [photograph.file for photograph in photographs]
    grouped = group_photographs(groups, files, features, threads=threads)
    pixels = pixels[: len(photographs)]
    return Dataset(
        layout.root, task, classes, ok_class, spec, photographs, pixels, grouped, left_out, pages=pages
    )
