"""The memory as part of a network whose int8 copy says the same."""

from typing import Any

import numpy as np

from trainer.methods.patchcore.memory import PatchMemory
from trainer.methods.place_map import PlaceMap


def add_memory(values: Any, memory: PatchMemory, *, most: float) -> PlaceMap:
    """The nearness of the nearest prototype, (N, H, W, 1): 0, or below; cut off at a distance of ``most``.

    ``values``: a Keras tensor (N, H, W, C). For each prototype m one convolution adds up
    x.m - x.x / 2 - m.m / 2, all of it before int8 rounds, and the largest counts. The squares have the
    int8 scale of what they are squares of, or else joining them would round both again.
    """
    from keras import layers, ops

    from trainer.whole_numbers.fake_quantize import FakeQuantize, around_zero

    count, dimensions = memory.prototypes.shape
    limit = memory.limit
    project = layers.Conv2D(dimensions, 1)
    shrink = layers.DepthwiseConv2D(1, use_bias=False)
    compare = layers.Conv2D(count, 1)
    compared = around_zero(limit)(project(values))
    small = around_zero(1.0)(shrink(compared))
    squares = around_zero(limit)(layers.Multiply()([compared, small]))  # x.x / limit
    found = compare(layers.Concatenate()([compared, squares]))
    found = FakeQuantize(-most / 2, 0.0)(found)
    nearest = ops.max(found, axis=-1, keepdims=True)

    def set_weights() -> None:
        project.set_weights([memory.projection[np.newaxis, np.newaxis], memory.offset])
        shrink.set_weights([np.full((1, 1, dimensions, 1), 1 / limit, np.float32)])
        kernel = np.concatenate([memory.prototypes.T, np.full((dimensions, count), -limit / 2)]) / dimensions
        bias = -(memory.prototypes**2).sum(axis=1) / (2 * dimensions)
        compare.set_weights([kernel[np.newaxis, np.newaxis].astype(np.float32), bias])

    return PlaceMap(nearest, np.array([-2.0], np.float32), set_weights)
