"""Which photographs belong to one part, and so to one side of every split."""

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from edge.core.errors import InputError
from edge.core.photographs.names import composed
from edge.core.tables import read_rows
from edge.core.words import counted, first_and_more
from trainer.audit.copies import group_copies
from trainer.audit.features import Features

COPIES, NONE = "copies", "none"
COPIES_FOUND = "copies found by the audit"


@dataclass(frozen=True)
class Groups:
    """``numbers``: (N,) group of each photograph; ``by`` says in words where they come from."""

    numbers: NDArray[np.int64]
    by: str

    @property
    def count(self) -> int:
        """The number of groups."""
        return len(set(self.numbers.tolist()))


def group_photographs(
    choice: str, files: Sequence[str], features: Sequence[Features] | None, *, threads: int
) -> Groups:
    """Groups as asked for: "copies" that are found, "none", a CSV file, or a regular expression.

    A CSV file has the columns file and group; a regular expression is searched for in each file
    name, and what its first bracket (or all of it) matches names the group. Raises InputError.
    """
    if choice == NONE:
        return Groups(np.arange(len(files)), "each image by itself")
    if choice == COPIES:
        if features is None:
            raise ValueError("copies are found by features")
        with ThreadPoolExecutor(threads) as pool, threadpool_limits(1):
            numbers = group_copies(features, pool)
        return Groups(numbers, COPIES_FOUND)
    if Path(choice).suffix.lower() == ".csv":
        return Groups(_numbers(_from_csv(Path(choice), files)), f"the groups of {choice}")
    return Groups(_numbers(_from_pattern(choice, files)), f"the pattern {choice}")


def _numbers(names: Sequence[str]) -> NDArray[np.int64]:
    _, numbers = np.unique(np.asarray(names), return_inverse=True)
    return numbers.astype(np.int64)


def _from_csv(path: Path, files: Sequence[str]) -> list[str]:
    known: dict[str, str] = {}
    for row in read_rows(path, {"file", "group"}):
        file = composed(row["file"].replace("\\", "/").removeprefix("./"))
        if known.setdefault(file, row["group"]) != row["group"]:
            raise InputError(
                f"--groups {path}: {file} is in {known[file]} and in {row['group']}; expected one of them"
            )
    missing = [file for file in files if not known.get(composed(file))]
    if missing:
        raise InputError(
            f"--groups {path}: no group for {first_and_more(missing)} of {counted(len(files), 'image')}; "
            "files are named as below the data folder"
        )
    return [known[composed(file)] for file in files]


def _from_pattern(pattern: str, files: Sequence[str]) -> list[str]:
    try:
        expression = re.compile(composed(pattern))
    except re.error as error:
        raise InputError(
            f"--groups {pattern}: expected copies, none, a .csv file or a regular expression ({error})"
        ) from error
    found = [expression.search(composed(file)) for file in files]
    names = [match.group(1 if expression.groups else 0) if match else None for match in found]
    missing = [file for file, name in zip(files, names, strict=True) if not name]
    if missing:
        raise InputError(f"--groups {pattern}: names no group for {first_and_more(missing)}")
    return [name for name in names if name]
