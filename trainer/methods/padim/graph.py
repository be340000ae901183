"""The Gaussians as part of a network whose int8 copy says the same."""

from collections.abc import Callable
from typing import Any

import numpy as np

from trainer.methods.padim.gaussians import CLIP, PatchGaussians
from trainer.methods.place_map import PlaceMap


def add_gaussians(values: Any, gaussians: PatchGaussians) -> PlaceMap:
    """Absolute whitened features, (N, H, W, D), of a Keras tensor (N, H, W, C); their mean is the distance.

    A convolution with as many groups as there are places whitens each place by its own matrix.
    """
    from keras import layers, ops

    from trainer.whole_numbers.fake_quantize import FakeQuantize, around_zero

    height, width, dimensions = gaussians.mean.shape
    places = height * width
    project = layers.Conv2D(dimensions, 1, use_bias=False)
    whiten = layers.Conv2D(places * dimensions, 1, groups=places)
    values = FakeQuantize(*gaussians.limits)(project(values))
    values = layers.Reshape((1, 1, places * dimensions))(values)
    values = around_zero(CLIP)(whiten(values))
    # The absolute: XNNPACK has one by that name for floats alone.
    values = FakeQuantize(0.0, CLIP)(ops.leaky_relu(values, -1.0))

    def set_weights() -> None:
        project.set_weights([gaussians.projection[np.newaxis, np.newaxis]])
        kernel = gaussians.whitening.reshape(places, dimensions, dimensions)
        bias = -np.einsum("pc,pcd->pd", gaussians.mean.reshape(places, dimensions), kernel)
        side_by_side = kernel.transpose(1, 0, 2).reshape(1, 1, dimensions, places * dimensions)
        whiten.set_weights([side_by_side, bias.ravel()])

    by_place = layers.Reshape((height, width, dimensions))(values)
    return PlaceMap(by_place, np.full(dimensions, 1 / dimensions, np.float32), set_weights)


def add_distance(
    values: Any, gaussians: PatchGaussians, *, mean: float, deviation: float, most: float
) -> tuple[Any, Callable[[], None]]:
    """The distance of a map's strangest place, standardized and cut off at ``most`` deviations, (N, 1).

    And what sets the weights afterwards.
    """
    from keras import layers

    from trainer.whole_numbers.fake_quantize import around_zero

    added = add_gaussians(values, gaussians)
    by_place, set_weights = added.weighed(1 / deviation, -mean / deviation)
    by_place = around_zero(most)(by_place)
    return layers.Flatten()(layers.GlobalMaxPooling2D()(by_place)), set_weights
