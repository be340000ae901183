"""The truth about stored images, by the folder that they lie in."""

from collections.abc import Sequence
from pathlib import Path

from edge.core.bundle.bundle import Manifest
from edge.core.decision import OK_NAMES, has_one_logit

DEFECT_NAMES = frozenset(
    {
        "anomaly", "bad", "def", "def_front", "defect", "defective", "defects", "fail", "faulty", "ko",
        "ng", "nok", "not_ok", "reject", "rejected", "scrap",
    }
)  # fmt: skip


def label_images(paths: Sequence[Path], root: Path, manifest: Manifest) -> list[str | None]:
    """The class of each image, from the nearest folder below (or at) ``root`` with a telling name.

    A folder tells by the name of a class, in any case. For a binary model also by a usual name
    for OK or defective parts, and any other folder beside an OK folder holds defects. None: the
    truth is not known.
    """
    found = [_by_name(_folders(path, root), manifest) for path in paths]
    if has_one_logit(manifest.task) and manifest.ok_class in found:
        parents = {
            path.parent.parent
            for path, label in zip(paths, found, strict=True)
            if label == manifest.ok_class and path.parent != root
        }
        defect = manifest.classes[1]
        found = [
            defect if label is None and path.parent.parent in parents and path.parent != root else label
            for path, label in zip(paths, found, strict=True)
        ]
    return found


def _folders(path: Path, root: Path) -> list[str]:
    """Names of the folders that hold the image, nearest first, up to and with ``root``."""
    inner = path.parent.relative_to(root).parts
    return [*reversed(inner), root.resolve().name]


def _by_name(folders: Sequence[str], manifest: Manifest) -> str | None:
    classes = {name.casefold(): name for name in manifest.classes}
    for folder in folders:
        name = folder.casefold()
        if name in classes:
            return classes[name]
        plain = name.replace("-", "_").replace(" ", "_")
        if plain in OK_NAMES and manifest.ok_class is not None:
            return manifest.ok_class
        if has_one_logit(manifest.task) and plain in DEFECT_NAMES:
            return manifest.classes[1]
    return None
