"""The ways in which people keep labelled photographs, read as they are."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from edge.core.errors import InputError
from edge.core.images import IMAGE_SUFFIXES
from edge.core.photographs.listing import LeftOut, list_photographs, name_below
from edge.core.photographs.masks import is_mask_folder
from edge.core.photographs.names import composed, find_file, key
from edge.core.photographs.tree import PARTS, Part, Tree
from edge.core.tables import read_rows
from edge.core.words import counted

_ARCHIVED = "pictures of a station's archive, whose folders are verdicts and no truth"
_AN_ARCHIVE = "a station's archive, whose folders are verdicts and no truth"
_UNLABELLED = "photographs without labels"
_BESIDE = "photographs in no class folder"
_UNLISTED = "photographs that no list of labels names"
_PREFIX = re.compile(r"(.*[^\d_\-. ])[_\-. ]*\d+$")


@dataclass(frozen=True, slots=True)
class Item:
    """One labelled photograph; ``part`` is what its owner meant it for, if that is said."""

    path: Path
    label: str
    part: Part | None = None
    mask: Path | None = None


@dataclass(frozen=True, slots=True)
class Stray:
    """A photograph of which nobody says what it shows, and why that is so."""

    path: Path
    reason: str

    @property
    def is_archived(self) -> bool:
        """True if a station put it where it is, so that not even its folder says anything."""
        return self.reason == _ARCHIVED


@dataclass(frozen=True)
class Layout:
    """Photographs under ``root``, and in words how they were found.

    ``strays``: those without a label. ``left_out``: everything else that lies there. ``empty``: class folders
    without a photograph.
    """

    root: Path
    recognised: str
    items: list[Item]
    strays: list[Stray] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    empty: tuple[Path, ...] = ()

    def of(self, part: Part) -> list[Item]:
        """The items for training (also those of which nothing is said) or for testing."""
        return [item for item in self.items if (item.part or "train") == part]

    def file(self, item: Item) -> str:
        """The item's path as people know it, below the root where it is there."""
        return name_below(self.root, item.path)

    @property
    def unused(self) -> list[LeftOut]:
        """Files that are of no use to those who need labels."""
        strays = [LeftOut(name_below(self.root, stray.path), stray.reason) for stray in self.strays]
        return [*self.left_out, *strays]


class _NoLabelsError(InputError):
    """Photographs, perhaps, but nothing that says what they show."""


def read_layout(data: Path) -> Layout:
    """Recognise how the labelled photographs in ``data`` are laid out.

    A CSV file of file, label and maybe split; DAGM 2007; MVTec AD; train and test folders; class
    folders; one folder whose file names begin with the class; each of them maybe in a folder that holds
    nothing else. Labels that differ by case, normal form or blanks alone are one. Raises InputError, which
    says what was found and what was expected.
    """
    layout = _reading(data, _recognise)
    if layout.empty:
        kinds = ", ".join(sorted(IMAGE_SUFFIXES))
        raise InputError(f"{layout.empty[0]}: holds no images ({kinds}); add some, or remove the folder")
    return layout


def read_photographs(data: Path) -> Layout:
    """The same for those who can do without labels: where nothing tells any, all photographs are strays.

    Raises InputError where ``data`` is no folder, or holds the class folders of several products.
    """
    return _reading(data, _recognise_any)


def refuse_inside(out: Path, data: Path, flag: str) -> None:
    """Raise InputError where what is written to ``out`` would lie among the photographs in ``data``."""
    if data.is_dir() and out.resolve().is_relative_to(data.resolve()):
        raise InputError(
            f"{flag} {out}: lies in {data}, among the photographs; expected a folder outside of it, "
            f"such as {data.resolve().parent / 'runs' / out.name}"
        )


def _reading(data: Path, read: Callable[[Path], Layout]) -> Layout:
    try:
        return _with_one_spelling(_from_csv(data) if data.is_file() else read(data))
    except OSError as error:
        raise InputError(f"{error.filename or data}: cannot be read ({error.strerror})") from error


def _with_one_spelling(layout: Layout) -> Layout:
    """Labels that people spelled in several ways, as the most frequent of them, and that it was so."""
    spelled: dict[str, Counter[str]] = defaultdict(Counter)
    for item in layout.items:
        spelled[key(item.label)][item.label] += 1
    chosen = {name: max(sorted(counts), key=counts.__getitem__) for name, counts in spelled.items()}
    notes = [
        f"{' and '.join(sorted(counts))} read as one class, {chosen[name]}"
        for name, counts in spelled.items()
        if len(counts) > 1
    ]
    items = [replace(item, label=chosen[key(item.label)]) for item in layout.items]
    return replace(layout, items=items, recognised="; ".join([layout.recognised, *notes]))


def _recognise(data: Path) -> Layout:
    return _labelled(Tree(list_photographs(data)))


def _recognise_any(data: Path) -> Layout:
    tree = Tree(list_photographs(data))
    try:
        return _labelled(tree)
    except _NoLabelsError:
        is_archive = tree.archived and not tree.photographs
        return _layout(tree, _Found(_AN_ARCHIVE if is_archive else _UNLABELLED, [], _UNLABELLED))


@dataclass(frozen=True)
class _Found:
    """Photographs that a reader recognised; ``others``: why it took no other ones."""

    recognised: str
    items: list[Item]
    others: str
    lists: tuple[Path, ...] = ()
    empty: tuple[Path, ...] = ()


def _labelled(tree: Tree) -> Layout:
    base = tree.enter(tree.root)
    readers: Iterable[Callable[[Tree, Path], _Found | None]] = (_dagm, _parts, _classes, _prefixes)
    for read in readers:
        found = read(tree, base)
        if found is not None:
            return _layout(tree, found)
    if tree.archived:
        raise _NoLabelsError(
            f"{tree.root}: is a station's archive; its folders are verdicts, and no truth to learn from. "
            "Expected one folder for each class, with what a person says of the pictures, and without the "
            ".json files beside them"
        )
    raise _NoLabelsError(
        f"{tree.root}: holds no images; expected one folder for each class, with photographs"
    )


def _layout(tree: Tree, found: _Found) -> Layout:
    """With the masks of the photographs, and with all that the reader did not take."""
    masks = {photograph: mask for mask, photograph in tree.listing.masks.items() if photograph is not None}
    items = [replace(one, mask=one.mask or masks.get(one.path)) for one in found.items]
    taken = {item.path for item in items}
    strays = [Stray(path, found.others) for path in tree.listing.photographs if path not in taken]
    archived = set(tree.archived)
    strays = [replace(one, reason=_ARCHIVED) if one.path in archived else one for one in strays]
    lists = {tree.listing.name(path) for path in found.lists}
    left_out = [one for one in tree.listing.left_out if one.file not in lists]
    return Layout(tree.root, found.recognised, items, strays, left_out, found.empty)


def _from_csv(file: Path) -> Layout:
    rows = read_rows(file, {"file", "label"})
    items: dict[Path, Item] = {}
    for number, row in enumerate(rows, 1):
        where = f"{file}: row {number} below the first line"
        name, label, part = row["file"], row["label"], row.get("split", "").lower()
        if not name or not label:
            raise InputError(f"{where}: expected a file and a label")
        if part and part not in PARTS:
            raise InputError(f"{where}: split {part}; expected train, val or test")
        path = find_file(file.parent, name)
        if path in items:
            raise InputError(f"{where}: {name} stands above already; expected one row for each file")
        items[path] = Item(path, composed(label), PARTS.get(part))
    return Layout(file.parent, f"a CSV file of {counted(len(items), 'file')} and labels", [*items.values()])


def _dagm(_tree: Tree, base: Path) -> _Found | None:
    """DAGM 2007: ClassN/Train and ClassN/Test, each with Label/Labels.txt."""
    lists = sorted({*base.glob("*/Label/Labels.txt"), *base.glob("*/*/Label/Labels.txt")})
    if not lists:
        return None
    items: list[Item] = []
    for file in lists:
        folder, before = file.parent.parent, len(items)
        part = PARTS.get(folder.name.lower())
        for line in file.read_text("utf-8", errors="replace").splitlines():
            words = line.split()
            if len(words) < 5:
                continue  # the first line is a count
            is_defect = words[1] == "1"
            mask = file.parent / words[4] if is_defect else None
            label = "defect" if is_defect else "ok"
            items.append(Item(find_file(folder, words[2]), label, part, mask))
        if len(items) == before:
            raise InputError(f"{file}: not a list of labels as DAGM 2007 has them")
    return _Found(f"DAGM 2007, {counted(len(lists), 'list')} of labels", items, _UNLISTED, tuple(lists))


def _parts(tree: Tree, base: Path) -> _Found | None:
    """train/, maybe val/, and test/ with class folders; with masks in ground_truth/ as in MVTec AD."""
    folders = [path for path in tree.folders_in(base) if path.name.lower() in PARTS]
    if not folders:
        return None
    folders = [path for path in folders if tree.holds_photographs(path)] or folders  # one part may be enough
    items, entered = [], []
    for part_folder in folders:
        part = PARTS[part_folder.name.lower()]
        inner = tree.enter(part_folder)
        entered.append(f"{inner.relative_to(base)}/")
        for name, paths in _images_by_class(tree, inner).items():
            items += [Item(path, name, part) for path in paths]
    kind = "MVTec AD" if (base / "ground_truth").is_dir() else "class folders"
    learned = [
        name for path, name in zip(folders, entered, strict=True) if PARTS[path.name.lower()] == "train"
    ]
    also = f"; {' and '.join(learned)} are both learned from" if len(learned) > 1 else ""
    return _Found(f"{kind} in {' and '.join(entered)}{_inside(tree, base)}{also}", items, _BESIDE)


def _classes(tree: Tree, base: Path) -> _Found | None:
    if not tree.folders_in(base) or not (tree.photographs or tree.empty_folders_in(base)):
        return None
    found = _images_by_class(tree, base)
    items = [Item(path, name) for name, paths in found.items() for path in paths]
    beside = len(tree.directly_in(base))
    notes = [f"{counted(beside, 'image')} beside them left out"] if beside else []
    no_classes = sorted(path.name for path in base.iterdir() if path.is_dir() and is_mask_folder(path.name))
    notes += [f"{' and '.join(no_classes)} left out as no class"] if no_classes else []
    notes += [f"{name} is spelled in two ways, and read as one class" for name in tree.twins_in(base)]
    recognised = f"{counted(len({*map(key, found)}), 'class folder')}{_inside(tree, base)}"
    empty = tuple(tree.empty_folders_in(base))
    return _Found("; ".join([recognised, *notes]), items, _BESIDE, empty=empty)


def _inside(tree: Tree, base: Path) -> str:
    """Where they are, if they are all in one folder inside of that which was named."""
    return "" if base == tree.root else f" in {tree.listing.name(base)}/, the only folder with photographs"


def _images_by_class(tree: Tree, base: Path) -> dict[str, list[Path]]:
    """The images of each class folder; raises InputError where there is none, or one is a data set itself."""
    folders = [path for path in tree.folders_in(base) if tree.holds_photographs(path)]
    if not folders:
        raise _NoLabelsError(f"{base}: holds no class folders; expected {base / 'ok'}, {base / 'defect'} …")
    _refuse_products(tree, base, folders)
    found: dict[str, list[Path]] = {}
    for folder in folders:
        found.setdefault(composed(folder.name), []).extend(tree.below(folder))
    return found


def _refuse_products(tree: Tree, base: Path, folders: Sequence[Path]) -> None:
    """Folders of products, lots or lines that hold class folders themselves are no classes."""
    inner = {folder: classes for folder in folders if (classes := tree.data_set_in(folder))}
    inner = inner or tree.products_in(base)
    if not inner:
        return
    names = " and ".join(f"{folder.name}/" for folder in inner)
    first, classes = next(iter(inner.items()))
    if tree.enter(first) != classes[0].parent:
        first = classes[0].parent  # products stand below lines or lots
    is_no_class = "is no class but holds" if len(inner) == 1 else "are no classes but hold"
    raise InputError(
        f"{base}: {names} {is_no_class} {' and '.join(path.name for path in classes)}; "
        f"expected {'' if len(inner) == 1 else 'one of them, such as '}{first}"
    )


def _prefixes(tree: Tree, base: Path) -> _Found | None:
    """One folder of files named class_number, as NEU has them."""
    paths = tree.directly_in(base)
    if not paths:
        return None
    matches = [_PREFIX.match(composed(path.stem)) for path in paths]
    labels = [match.group(1) if match else None for match in matches]
    counts = Counter(labels)
    if None in counts or len(counts) < 2 or min(counts.values()) < 2:
        raise _NoLabelsError(
            f"{base}: holds images but no class folders, and their names do not begin with a class; "
            "expected one folder for each class"
        )
    items = [Item(path, str(label)) for path, label in zip(paths, labels, strict=True)]
    return _Found(f"file names that begin with one of {counted(len(counts), 'class')}", items, _BESIDE)
