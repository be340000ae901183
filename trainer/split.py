"""Which photographs train and which validate. Copies of one picture, images of one part: one side."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge.core.errors import InputError


def split_by_group(
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    *,
    share: float,
    seed: int,
    classes: Sequence[str] = (),
    alone: int | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions for training and for validation: whole groups, about ``share`` of each class validates.

    With ``alone``, only images of that class train, and all of other groups validate. Raises InputError
    for a class whose images are all in one group.
    """
    if alone is not None:
        mine = np.flatnonzero(labels == alone)
        train, _ = split_by_group(labels[mine], groups[mine], share=share, seed=seed, classes=classes)
        return mine[train], np.flatnonzero(~np.isin(groups, groups[mine[train]]))
    wanted = {int(label): share * float((labels == label).sum()) for label in np.unique(labels)}
    validation: list[int] = []
    for label, members in _groups_by_class(labels, groups, classes).items():
        order = np.random.default_rng([seed, label]).permutation(len(members))
        taken = 0
        for position in order[:-1]:
            if taken and taken + len(members[position]) / 2 > wanted[label]:
                continue
            validation += members[position]
            taken += len(members[position])
            if taken >= wanted[label]:
                break
    held_back = np.array(sorted(validation), np.int64)
    return np.setdiff1d(np.arange(len(labels)), held_back), held_back


def folds_by_group(
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    *,
    folds: int,
    seed: int,
    classes: Sequence[str] = (),
    alone: int | None = None,
) -> NDArray[np.int64]:
    """The fold of each image, (N,): groups stay whole, and each class is spread evenly.

    Fewer folds where a class has fewer groups; with ``alone`` only that class counts. Raises InputError
    for a class with a single group.
    """
    if alone is not None:
        mine = labels == alone
        found = folds_by_group(labels[mine], groups[mine], folds=folds, seed=seed, classes=classes)
        known = dict(zip(groups[mine].tolist(), found.tolist(), strict=True))
        others = np.random.default_rng(seed).permutation(np.setdiff1d(groups, groups[mine]))
        known |= {int(group): place % (int(found.max()) + 1) for place, group in enumerate(others)}
        return np.array([known[int(group)] for group in groups], np.int64)
    by_class = _groups_by_class(labels, groups, classes)
    folds = min(folds, *(len(members) for members in by_class.values()))
    fold_of = np.zeros(len(labels), np.int64)
    for label, members in by_class.items():
        order = np.random.default_rng([seed, label]).permutation(len(members))
        load = np.zeros(folds)
        for position in sorted(order, key=lambda number: -len(members[number])):
            lightest = int(load.argmin())
            load[lightest] += len(members[position])
            fold_of[members[position]] = lightest
    return fold_of


def spread_over_groups(
    positions: NDArray[np.int64], groups: NDArray[np.int64], *, most: int, seed: int
) -> NDArray[np.int64]:
    """At most so many of the positions, in order, of each group as many as there can be."""
    order = np.random.default_rng(seed).permutation(positions)
    _, group, counts = np.unique(groups[order], return_inverse=True, return_counts=True)
    by_group = np.argsort(group, kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[by_group] = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.sort(order[np.argsort(rank, kind="stable")[:most]])


def _groups_by_class(
    labels: NDArray[np.int64], groups: NDArray[np.int64], classes: Sequence[str]
) -> dict[int, list[list[int]]]:
    """Groups, as positions, by the class that most of their images have; at least two of each class."""
    by_class: dict[int, list[list[int]]] = {int(label): [] for label in np.unique(labels)}
    order = np.argsort(groups, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(groups[order])) + 1):
        by_class[int(np.bincount(labels[members]).argmax())].append([int(member) for member in members])
    for label, found in by_class.items():
        if len(found) < 2:
            name = classes[label] if classes else str(label)
            raise InputError(
                f"class {name}: all its images are of one part ({len(found)} group); a figure on parts "
                "that training never saw needs at least 2 groups of each class"
            )
    return by_class


def numbered(names: Sequence[str]) -> NDArray[np.int64]:
    """Group numbers (N,) of group names."""
    _, numbers = np.unique(np.asarray(names), return_inverse=True)
    return numbers.astype(np.int64)
