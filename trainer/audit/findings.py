"""The findings of an audit, for people and for programs."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.core.photographs.census import Census
from edge.core.words import counted
from trainer.audit.probes import KEEPS_COPIES, NEIGHBOUR, Probe
from trainer.suspects import Suspect

_SHOWN = 20  # of each kind of finding, in the table


@dataclass(frozen=True)
class AuditedPhoto:
    """One photograph as an audit saw it; ``part``: "train" or "test"; ``size``: width and height.

    ``pages``: how many the file has behind the one that was looked at.
    """

    path: Path
    file: str
    label: str
    part: str
    digest: str
    size: tuple[int, int]
    is_grey: bool
    pages: int = 0


@dataclass(frozen=True)
class Audit:
    """``groups``: (N,) group number of each look; photographs of one picture share it.

    ``suspects``: photographs whose label a run's models doubt, where a run was named. ``depth``: what counts
    as white, where 16 bits carry fewer and no file says so.
    """

    recognised: str
    photographs: list[AuditedPhoto]
    unreadable: dict[str, str]
    files: Census
    groups: NDArray[np.int64]
    probes: list[Probe]
    suspects: list[Suspect] = field(default_factory=list)
    depth: str | None = None

    @cached_property
    def copies(self) -> list[list[AuditedPhoto]]:
        """Photographs that show the same picture, the largest group first."""
        return self._together(int(number) for number in self.groups)

    @cached_property
    def identical(self) -> list[list[AuditedPhoto]]:
        """Files with the same bytes."""
        return self._together(photo.digest for photo in self.photographs)

    @cached_property
    def torn(self) -> list[list[AuditedPhoto]]:
        """The same picture under several labels."""
        return [group for group in self.copies if len({photo.label for photo in group}) > 1]

    @cached_property
    def leaking(self) -> list[list[AuditedPhoto]]:
        """The same picture in training and in test."""
        return [group for group in self.copies if len({photo.part for photo in group}) > 1]

    def document(self) -> dict[str, Any]:
        """The JSON document of `trainer audit --json`."""
        return {
            "layout": self.recognised,
            "images": len(self.photographs),
            "classes": dict(Counter(photo.label for photo in self.photographs)),
            "sizes": {
                f"{w}x{h}": n for (w, h), n in Counter(photo.size for photo in self.photographs).most_common()
            },
            "coloured": sum(not photo.is_grey for photo in self.photographs),
            "unreadable": self.unreadable,
            "files": self.files.model_dump(),
            "pictures": len(set(self.groups.tolist())),
            "images_with_copies": sum(map(len, self.copies)),
            "copies": _files(self.copies),
            "identical": _files(self.identical),
            "two_labels": _files(self.torn),
            "train_and_test": _files(self.leaking),
            "probes": [{**asdict(probe), "suspicious": probe.is_suspicious} for probe in self.probes],
            "suspects": [suspect.model_dump() for suspect in self.suspects],
            "findings": self.findings(),
        }

    def findings(self) -> list[str]:
        """Findings that a person should know, in words, the worst first."""
        found = []
        if self.leaking:
            images = sum(photo.part == "test" for group in self.leaking for photo in group)
            found.append(
                f"{counted(images, 'test image')} {'is a copy' if images == 1 else 'are copies'} "
                "of training images: their figure is memory"
            )
        if self.copies:
            images = sum(map(len, self.copies))
            found.append(
                f"{images} of {len(self.photographs)} images have copies among the others; there are "
                f"{len(set(self.groups.tolist()))} different pictures, which must not straddle a split"
            )
        if self.torn:
            stand = "stands" if len(self.torn) == 1 else "stand"
            found.append(f"{counted(len(self.torn), 'picture')} {stand} under more than one label")
        if self.suspects:
            found.append(
                f"likely mislabelled: {counted(len(self.suspects), 'image')}, by models that never saw them"
            )
        found += self._shortcuts()
        if self.files.is_short_of_pictures:
            found.append(f"of {counted(self.files.seen, 'file')} {self.files.in_words()}")
        if self.depth is not None:
            found.append(self.depth)
        return found

    def table(self) -> str:
        """The same for a terminal."""
        of_files = f" of {counted(self.files.seen, 'file')}" if self.files.left_out else ""
        lines = [f"{len(self.photographs)} images{of_files}, laid out as {self.recognised}"]
        counts = Counter((photo.label, photo.part) for photo in self.photographs)
        for label in sorted({photo.label for photo in self.photographs}):
            words = [f"{counts[label, part]} {part}" for part in ("train", "test") if counts[label, part]]
            mine = {
                int(g) for g, photo in zip(self.groups, self.photographs, strict=True) if photo.label == label
            }
            lines.append(f"  {label:<24} {', '.join(words)}; {counted(len(mine), 'different picture')}")
        sizes = Counter(photo.size for photo in self.photographs).most_common(3)
        kinds = ", ".join(f"{w}x{h} ({n})" for (w, h), n in sizes)
        lines.append(f"  sizes: {kinds}{' …' if len({photo.size for photo in self.photographs}) > 3 else ''}")
        lines += ["", *(f"! {finding}" for finding in self.findings())]
        if self.probes:
            lines += ["", "shortcut probes: a low figure is good"]
            lines += [f"  {probe.line()}" for probe in self.probes]
        lines += _listed("the same picture in training and test", self.leaking)
        lines += _listed("the same picture under more than one label", self.torn)
        lines += _listed("identical files", self.identical)
        lines += self._doubted()
        unreadable = list(self.unreadable.values())
        if unreadable:
            lines += ["", "files that cannot be used", *(f"  {reason}" for reason in unreadable[:_SHOWN])]
        return "\n".join([*lines, "", str(self.files)])

    def _doubted(self) -> list[str]:
        if not self.suspects:
            return []
        lines = ["", f"likely mislabelled: {len(self.suspects)}, the clearest first"]
        lines += [f"  {suspect.in_words()}" for suspect in self.suspects[:_SHOWN]]
        if len(self.suspects) > _SHOWN:
            lines.append(f"  … and {len(self.suspects) - _SHOWN} more; --json lists all")
        return lines

    def _shortcuts(self) -> list[str]:
        """A figure on a random split is explained by copies where there are any."""
        honest = {probe.name: probe for probe in self.probes if probe.split == KEEPS_COPIES}
        found = []
        for probe in self.probes:
            if not probe.is_suspicious:
                continue
            if probe.split == KEEPS_COPIES or not honest:
                found.append(probe.in_words())
            elif probe.name == NEIGHBOUR and probe.accuracy_low > honest[NEIGHBOUR].accuracy_high:
                found.append(
                    f"{probe.name}: already {probe.accuracy:.1%} right on {probe.split}, because it holds "
                    f"copies of training parts; {honest[NEIGHBOUR].accuracy:.1%} on {KEEPS_COPIES}"
                )
        return found

    def _together(self, keys: Iterable[Hashable]) -> list[list[AuditedPhoto]]:
        members: dict[Hashable, list[AuditedPhoto]] = defaultdict(list)
        for key, photo in zip(keys, self.photographs, strict=True):
            members[key].append(photo)
        return sorted((group for group in members.values() if len(group) > 1), key=len, reverse=True)


def _files(groups: list[list[AuditedPhoto]]) -> list[list[str]]:
    return [[photo.file for photo in group] for group in groups]


def _listed(title: str, groups: list[list[AuditedPhoto]]) -> list[str]:
    if not groups:
        return []
    lines = ["", f"{title}: {len(groups)}"]
    for group in groups[:_SHOWN]:
        more = f" and {len(group) - 4} more" if len(group) > 4 else ""
        lines.append("  " + ", ".join(f"{photo.file}" for photo in group[:4]) + more)
    if len(groups) > _SHOWN:
        lines.append(f"  … and {len(groups) - _SHOWN} more; --json lists all")
    return lines
