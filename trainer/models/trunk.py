"""A pretrained MobileNet, and the same in whole numbers, which a float network and int8 compute alike.

MobileNetV1 (Howard et al. 2017, arXiv:1704.04861) a quarter as wide, as ImageNet made it.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from edge.core.preprocess import PIXEL_STEP, to_network_input
from trainer.models.convolution import Convolution, at_places, batches, folded
from trainer.rounding import FINEST, STEPS, Numbers, coarse, covariance_of, fit, round_together
from trainer.weights import Weights

ALPHA = 0.25
LAST_BLOCK = 13
STEP = 1 / 32  # of every map: a power of two, so that float32 computes without rounding
TOP = 255 * STEP
_BITS = 3  # of the step of a kernel; with 7 of a weight and 8 of a value, float32 adds up exactly
_RELU6 = 6.0  # where the network that ImageNet made cuts off
_MARGIN, _MOST = 1.1, 1000.0  # room beyond the largest value seen; times that a channel is scaled up
FITTED_ON, _PLACES = 250, 40  # photographs, and places in each map of them, that a layer is fitted on


def download() -> Any:
    """The Keras model with ImageNet weights, from Keras's cache or the network."""
    from keras.applications import MobileNet

    return MobileNet(input_shape=(160, 160, 3), alpha=ALPHA, include_top=False, weights="imagenet")


def build_trunk(height: int, width: int, channels: int, weights: Weights, *, blocks: tuple[int, ...]) -> Any:
    """A Keras model: float32 (N, H, W, C) in -1…1 to the maps of these blocks of the MobileNet.

    Raises InputError where the weights are not of this network.
    """
    from keras import Model
    from keras.applications import MobileNet

    backbone = MobileNet(input_shape=(height, width, channels), alpha=ALPHA, include_top=False, weights=None)
    outputs = [backbone.get_layer(f"conv_pw_{block}_relu").output for block in blocks]
    trunk = Model(backbone.input, outputs, name="MobileNet (alpha 0.25)")
    weights.give(trunk)
    return trunk


def in_whole_numbers(trunk: Any, pixels: NDArray[np.uint8], *, seed: int) -> Any:
    """A network like that of `build_trunk`, in which every weight and every value is a whole number of steps.

    So a float32 network makes no rounding error of its own, and what it says is what int8 says, bit for
    bit, from the first map to the last. Layer after layer is fitted to what the trunk says of ``pixels``,
    uint8 (N, H, W, C), of which FITTED_ON are enough. That every channel uses its range, its layer is scaled
    up and the next layer's weights for it down, after Nagel et al. 2019 (arXiv:1906.04721).
    """
    from keras import Input, Model, layers

    from trainer.models.fake_quantize import FakeQuantize

    values = entry = Input(trunk.input.shape[1:])
    generator = np.random.default_rng(seed)
    maps = to_network_input(pixels)
    unit, scale = PIXEL_STEP, np.ones(maps.shape[-1])
    rounded: dict[str, Any] = {}
    for name, example in _examples(trunk, maps, generator).items():
        convolution = folded(trunk.get_layer(name), trunk.get_layer(f"{name}_bn"))
        kernel = convolution.kernel / scale[:, np.newaxis]
        convolution = replace(convolution, kernel=kernel, padding="same")  # as what pads before it does
        with threadpool_limits(1):  # small matrices: threads would wait for each other
            whole, bias, scale = _in_steps(convolution, example, maps, unit)
        layer = convolution.as_layer(name)
        activation = layers.ReLU(name=f"{name}_relu")
        rounding = FakeQuantize(0.0, TOP, name=f"{name}_rounded")
        values = rounding(activation(layer(values)))
        layer.set_weights([whole, bias])
        maps = np.concatenate([rounding(activation(layer(maps[at]))) for at in batches(len(maps))])
        rounded[f"{name}_relu"], unit = values, STEP
    return Model(entry, [rounded[name] for name in trunk.output_names], name=trunk.name)


def map_of(network: Any, block: int) -> Any:
    """The map of a block in what `in_whole_numbers` made, or in a network built on it."""
    return network.get_layer(f"conv_pw_{block}_rounded").output


@dataclass(frozen=True)
class _Example:
    """The ``peak`` (C,) of each channel of a layer, and its ``outputs`` (N, P, C) at some ``places`` (N, P).

    Outputs are from before the activation; places count along the rows of a map.
    """

    peak: Numbers
    places: NDArray[np.int64]
    outputs: NDArray[np.float32]


def _examples(trunk: Any, pixels: NDArray[np.float32], generator: np.random.Generator) -> dict[str, _Example]:
    """By the name of the convolution, in the order of the network."""
    from keras import Model

    names = [layer.name.removesuffix("_relu") for layer in trunk.layers if layer.name.endswith("_relu")]
    graph = Model(trunk.input, [trunk.get_layer(f"{name}_bn").output for name in names])
    places, peaks, outputs = [], [], []
    for values in graph.outputs:
        count = values.shape[1] * values.shape[2]
        places.append(np.stack([generator.permutation(count)[:_PLACES] for _ in pixels]))
        peaks.append(np.zeros(values.shape[-1]))
        outputs.append(np.zeros((*places[-1].shape, values.shape[-1]), np.float32))
    for at in batches(len(pixels)):
        for number, values in enumerate(graph(pixels[at], training=False)):
            rows = values.numpy().reshape(len(values), -1, values.shape[-1])
            peaks[number] = np.maximum(peaks[number], rows.max(axis=(0, 1)))
            outputs[number][at] = at_places(rows, places[number][at])
    return {
        name: _Example(np.minimum(peaks[n], _RELU6), places[n], outputs[n]) for n, name in enumerate(names)
    }


def _in_steps(
    convolution: Convolution, example: _Example, maps: NDArray[np.float32], unit: float
) -> tuple[NDArray[np.float32], NDArray[np.float32], Numbers]:
    """Kernel and bias in steps, and the scale of each channel. ``unit``: the step of ``maps``, the input."""
    inputs = convolution.inputs(maps, example.places)
    channels = example.outputs.shape[-1]
    rows = example.outputs.reshape(-1, channels).astype(np.float64)
    wanted = rows.T[..., np.newaxis] if convolution.is_depthwise else rows[np.newaxis]
    covariance = covariance_of(inputs)
    weights = fit(inputs, covariance, wanted, convolution.weights())

    unused = _RELU6 / np.clip(_MARGIN * example.peak, _RELU6 / _MOST, _RELU6)
    largest = np.maximum(np.abs(weights).max(axis=1).ravel(), 1e-30)
    scaled_up = TOP / _RELU6 * (np.sqrt(unused) if convolution.is_depthwise else unused)
    step = coarse(largest * scaled_up / STEPS, _BITS, FINEST * STEP / unit)
    is_constant = step == 0
    step[is_constant] = 1
    scale = np.where(is_constant, scaled_up, step * STEPS / largest)

    weights = weights * convolution.by_channel(scale)[:, np.newaxis]
    steps = convolution.by_channel(step)
    whole = round_together(weights, covariance, steps)
    whole[np.broadcast_to(convolution.by_channel(is_constant)[:, np.newaxis], whole.shape)] = 0
    mean = np.einsum("gn,gno->go", inputs.mean(axis=1), whole * steps[:, np.newaxis]).ravel()
    bias = rows.mean(axis=0) * scale - mean
    bias = np.round(bias / (step * unit)) * step * unit
    kernel = convolution.as_kernel(whole * steps[:, np.newaxis])
    return kernel.astype(np.float32), bias.astype(np.float32), scale
