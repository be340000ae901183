"""What all ways of learning have in common."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.int64]


@dataclass(frozen=True)
class Learned:
    """A Keras model from (N, H, W, C) in -1…1 to logits, and how it came to be.

    ``held_out`` are logits (N, outputs) of the photographs at ``held_out_at`` by a model that saw none of
    their parts; ``held_out_are`` says which they are. ``history`` holds one value a step of ``steps_are``
    ("epoch" or "fold").
    """

    network: Any
    held_out: NDArray[np.float32]
    held_out_at: Positions
    held_out_are: str
    history: dict[str, list[float]]
    steps_are: str
    method: dict[str, Any]


class Learner(Protocol):
    """Learns from some photographs of a data set.

    Where ``needs_validation``, other photographs choose when to stop, and the threshold.
    """

    needs_validation: bool

    def learn(self, train: Positions, validation: Positions) -> Learned:
        """A model that saw the photographs at ``train``."""
