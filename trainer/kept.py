"""Remains of a training that is cut short; light, as an interrupt may have ended any import."""

from pathlib import Path

CHECKPOINTS = "checkpoint"


def is_kept(out: Path) -> bool:
    """True if a training that writes to ``out`` left anything."""
    return any((out / CHECKPOINTS).glob("*.npz"))
