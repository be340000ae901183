"""The number of 16 bits that a camera uses, where its pictures don't say: what decides now knows."""

from dataclasses import dataclass

from edge.core.samples import FULL_BITS


@dataclass
class Depth:
    """``bits``: None where nobody says; may change between two frames, with what decides on them."""

    bits: int | None = None

    @property
    def taken(self) -> int:
        """As many as are taken for white: all where nobody says."""
        return self.bits or FULL_BITS
