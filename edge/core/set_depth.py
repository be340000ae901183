"""The number of bits that the pictures of a set use where 16 carry them and no file says so.

A camera of 10 or 12 bits leaves the upper ones zero; cut off to 8, its pictures would be nearly black. One
picture can't tell: it may be dark. The brightest of the whole set does.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from edge.core.complaints import listening
from edge.core.errors import ImageError
from edge.core.images import peak, read_bytes
from edge.core.samples import WHOLE_BITS

_DEEP = (b"\x89PNG", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


@dataclass(frozen=True)
class SetDepth:
    """``bits`` that a set uses of 16; None where no picture is of that kind. ``pictures``: how many are."""

    bits: int | None = None
    pictures: int = 0

    @property
    def note(self) -> str | None:
        """A line for people where that changes what is seen."""
        if not self.pictures or self.bits in (None, 16):
            return None
        return (
            f"{self.pictures} pictures of 16 bits don't say how many of them they use: none uses more than "
            f"{self.bits}, so {2**self.bits - 1} is taken for white"
        )


def find_set_depth(paths: Iterable[Path]) -> SetDepth:
    """The bits that the pictures use; those that can't be read are left to whoever reads them.

    Ends at the first that uses more than 14 bits.
    """
    highest, pictures = 0, 0
    with listening():
        for path in paths:
            try:
                found = peak(read_bytes(path), str(path)) if _may_be_deep(path) else None
            except ImageError:
                continue
            if found is None:
                continue
            highest, pictures = max(highest, found), pictures + 1
            if highest >= 2 ** WHOLE_BITS[-1]:
                break
    if not pictures:
        return SetDepth()
    fitting = (bits for bits in WHOLE_BITS if highest < 2**bits)
    return SetDepth(next(fitting, 16) if highest else 16, pictures)


def _may_be_deep(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(4).startswith(_DEEP)
    except (OSError, ValueError):
        return False
