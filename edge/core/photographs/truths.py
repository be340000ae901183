"""The truth of stored photographs, in the words of a bundle."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edge.core.decision import DEFECT_NAMES, OK_NAMES, Task, has_one_logit
from edge.core.photographs.layouts import Layout
from edge.core.photographs.names import composed, key, plain


@dataclass(frozen=True, slots=True)
class Known:
    """A photograph and its class; None where the truth isn't known.

    A ``label`` that is none of the bundle's classes is a defect of a kind that the bundle doesn't know.
    """

    path: Path
    label: str | None


class Vocabulary(Protocol):
    """The names of a bundle, or of a run of the trainer, for what it tells apart."""

    @property
    def task(self) -> Task:
        """The task that the model was taught."""

    @property
    def classes(self) -> Sequence[str]:
        """In the order of the outputs."""

    @property
    def ok_class(self) -> str | None:
        """That of parts that pass, where there is one."""


def tell_truths(layout: Layout, vocabulary: Vocabulary) -> list[Known]:
    """All photographs of a layout, in the order of their paths, with the bundle's class of each.

    By the label that the layout gives: the name of a class, in any case and normal form, or a usual name for
    OK or defective parts. Where no label is of that kind, by the nearest folder whose name is. Beside OK
    parts any other label is a defect, of a kind that the bundle may not know. What a station archived has no
    truth: its folders are verdicts.
    """
    names = _Names(vocabulary)
    told = {item.path: names.meaning([item.label]) for item in layout.items}
    if not any(told.values()):
        told = {item.path: names.meaning(_folders(item.path, layout.root)) for item in layout.items}
    if vocabulary.ok_class is not None and vocabulary.ok_class in told.values():
        for item in layout.items:
            told[item.path] = told[item.path] or names.defect(item.label)
    for stray in layout.strays:
        may_tell = not stray.is_archived
        told[stray.path] = names.meaning(_folders(stray.path, layout.root)) if may_tell else None
    return [Known(path, told[path]) for path in sorted(told)]


def _folders(path: Path, root: Path) -> list[str]:
    """Names of the folders that hold the photograph, nearest first, up to and with ``root``."""
    inner = path.parent.relative_to(root).parts if path.is_relative_to(root) else ()
    return [*reversed(inner), root.resolve().name]


class _Names:
    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._classes = {key(name): name for name in vocabulary.classes}

    def meaning(self, names: Sequence[str]) -> str | None:
        """The meaning of the first of the names that has one."""
        return next((found for name in names if (found := self._one(name)) is not None), None)

    def defect(self, name: str) -> str:
        """A part that is not OK, in the bundle's words if it knows only one kind, else in its own."""
        return self._vocabulary.classes[1] if has_one_logit(self._vocabulary.task) else composed(name)

    def _one(self, name: str) -> str | None:
        if (known := self._classes.get(key(name))) is not None:
            return known
        if self._vocabulary.ok_class is None:
            return None
        if plain(name) in OK_NAMES:
            return self._vocabulary.ok_class
        return self.defect(name) if plain(name) in DEFECT_NAMES else None
