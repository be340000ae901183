"""The strangeness of each place of a photograph, as part of a network."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class PlaceMap:
    """``values``: a Keras tensor (N, H, W, C), that times ``weights`` (C,) is the distance of each place.

    ``set_weights``: to be called once a model is made of it.
    """

    values: Any
    weights: NDArray[np.float32]
    set_weights: Callable[[], None]

    def weighed(self, slope: float, offset: float) -> tuple[Any, Callable[[], None]]:
        """``slope`` times the distance plus ``offset``, (N, H, W, 1), not rounded; and what sets weights."""
        from keras import layers

        weigh = layers.Conv2D(1, 1)

        def set_weights() -> None:
            self.set_weights()
            kernel = (slope * self.weights).reshape(1, 1, -1, 1)
            weigh.set_weights([kernel, np.full((1,), offset, np.float32)])

        return weigh(self.values), set_weights
