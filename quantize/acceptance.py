"""The acceptance of int8 in place of float: it must decide the same, or be allowed not to."""

from dataclasses import dataclass

from quantize.compare import Comparison

_FEW = 10


@dataclass(frozen=True)
class Allowed:
    """The number of flips outside the unsure band, and of new escapes, that a person accepts."""

    flips: int = 0
    escapes: int = 0


def refuse(comparison: Comparison, allowed: Allowed) -> str | None:
    """Why no bundle may be written, in words, or None.

    A flip between `unsure` and another verdict is none of a decision: a person looks at that part. But a
    defect that float rejected, or was unsure of, and int8 passes, is a new escape. Of pictures made strange,
    for a model that was shown OK parts alone, one in ten may be: many lie near the threshold.
    """
    outside = [flip for flip in comparison.flips if not flip.is_in_band]
    escapes = [flip for flip in comparison.flips if flip.is_escape]
    reasons, accepting = [], []
    if len(outside) > allowed.flips:
        reasons.append(f"changes {len(outside)} of {comparison.int8.images} decisions")
        accepting.append(f"--allow-flips {len(outside)}")
    if len(escapes) > allowed.escapes:
        reasons.append(f"lets {len(escapes)} defects pass that float rejected")
        accepting.append(f"--allow-escapes {len(escapes)}")
    strange = comparison.strange
    if strange is not None and strange.passed > max(allowed.escapes, strange.rejected // _FEW):
        reasons.append(f"passes {strange.passed} of {strange.rejected} strange pictures that float rejects")
        accepting.append(f"--allow-escapes {max(strange.passed, len(escapes))}")
    if not reasons:
        return None
    return f"int8 {' and '.join(reasons)}; {' '.join(accepting)} would accept that"
