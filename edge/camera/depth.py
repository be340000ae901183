"""Bit depth of a camera whose 16-bit pictures don't state it; it follows the bundle in service."""

from dataclasses import dataclass

from edge.core.samples import FULL_BITS


@dataclass
class Depth:
    """Number of bits in use, None if unknown; may change between two frames, with the bundle."""

    bits: int | None = None

    @property
    def taken(self) -> int:
        """Number of bits assumed; all 16 if unknown."""
        return self.bits or FULL_BITS
