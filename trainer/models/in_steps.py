"""A network that learned in float, made to round as int8 does: what is measured of it holds on the device.

Block after block is rounded. Steps of values are powers of two and those of kernels have few binary digits,
so that float32 adds up without an error of its own (docs/experiments.md). The weights of a layer are rounded
together, for what comes into it once all before it are rounded; its bias then makes the mean of each
channel what it was.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, log2, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from edge.core.preprocess import PIXEL_STEP, to_network_input
from trainer.models.blocks import Block, blocks_of, is_weighted, keeps_steps
from trainer.models.convolution import Convolution, batches, folded
from trainer.rounding import FINEST, STEPS, Numbers, coarse, covariance_of, round_alone, round_together

PHOTOGRAPHS, _PLACES = 250, 40  # and places in each map of them, that a layer's weights are rounded by
_LARGEST_MAPS = 2**28  # bytes; where a layer's maps would be more, fewer photographs show more places
_MOST_TOGETHER = 2500  # weights of an output; of more each is rounded by itself
_BITS = 5  # of the step of a kernel
_LEAST = 2.0**-20  # of what a range may be
_LARGEST_LOGIT = 127 / 16  # where it stands alone: a score of 0.9996


def in_steps(network: Any, pixels: NDArray[np.uint8], *, seed: int) -> Any:
    """A functional Keras network, (N, H, W, C) in -1…1 to logits, rounded for what ``pixels`` show.

    ``pixels``: uint8 (N, H, W, C), of which PHOTOGRAPHS are enough. A network with a layer that is not
    known here is given back as it is.
    """
    from keras import Input, Model

    blocks = blocks_of(network)
    if blocks is None:
        return network
    generator = np.random.default_rng(seed)
    largest = max(prod(block.output.shape[1:]) for block in blocks)
    count = min(len(pixels), PHOTOGRAPHS, max(1, _LARGEST_MAPS // (4 * largest)))
    maps = to_network_input(pixels[generator.permutation(len(pixels))[:count]])
    start, end = id(network.inputs[0]), id(network.outputs[0])
    entry = Input(network.inputs[0].shape[1:])
    found = {start: _Values(entry, maps, maps, PIXEL_STEP, is_positive=False)}
    waiting = Counter(id(tensor) for block in blocks for tensor in block.inputs)
    for block in blocks:
        inputs = [found[id(tensor)] for tensor in block.inputs]
        found[id(block.output)] = _rounded(block, inputs, generator, is_last=id(block.output) == end)
        waiting.subtract(id(tensor) for tensor in block.inputs)
        found = {key: values for key, values in found.items() if waiting[key] or key == end}
    return Model(entry, found[end].tensor, name=network.name)


@dataclass(frozen=True)
class _Values:
    """A Keras ``tensor`` of the rounded network, and what stands there for some photographs.

    ``before``: in the network that is not rounded, (N, …); ``after``: in the one that is, whole numbers of
    ``step``. ``is_positive``: none can be negative.
    """

    tensor: Any
    before: NDArray[np.float32]
    after: NDArray[np.float32]
    step: float
    is_positive: bool


def _rounded(
    block: Block, inputs: Sequence[_Values], generator: np.random.Generator, *, is_last: bool
) -> _Values:
    """What comes out of a block."""
    from keras import layers

    layer = block.layer
    if isinstance(layer, layers.Dropout):
        return inputs[0]
    if is_weighted(layer):
        values = _weighted(block, inputs[0], generator)
        if isinstance(layer, layers.GlobalAveragePooling2D):
            rounded = _in_range(block, replace(values, is_positive=inputs[0].is_positive), is_last=is_last)
            return _through(layers.Flatten(name=f"{layer.name}_flat"), [rounded])
    else:
        values = _through(layer.from_config(layer.get_config()), inputs)
    if block.has_relu:
        values = _through(layers.ReLU(block.most, name=f"{layer.name}_relu"), [values])
        values = replace(values, is_positive=True)
    return values if keeps_steps(layer) else _in_range(block, values, is_last=is_last)


def _through(layer: Any, inputs: Sequence[_Values]) -> _Values:
    """What a layer without weights makes of values."""
    tensor = layer(_one_or_all([one.tensor for one in inputs]))
    before = _run(layer, [one.before for one in inputs])
    after = _run(layer, [one.after for one in inputs])
    return _Values(tensor, before, after, inputs[0].step, all(one.is_positive for one in inputs))


def _weighted(block: Block, inputs: _Values, generator: np.random.Generator) -> _Values:
    """What a layer makes of values once its weights are rounded."""
    convolution = folded(block.layer, block.norm)
    exact, rounded = (convolution.as_layer(block.layer.name) for _ in range(2))
    exact.build(inputs.tensor.shape)
    exact.set_weights([convolution.kernel, convolution.bias])
    before = _run(exact, [inputs.before])
    most = min(float(np.abs(before).max()), block.most or np.inf)
    windows = _windows(convolution, inputs.after, prod(before.shape[1:-1]), generator)
    with threadpool_limits(1):  # mostly small matrices: threads would wait for each other
        kernel, step = _in_whole_steps(convolution, windows, FINEST * most / 255 / inputs.step)
    tensor = rounded(inputs.tensor)
    rounded.set_weights([kernel, np.zeros_like(step)])
    after = _run(rounded, [inputs.after])
    unit = step * inputs.step
    bias = np.round((_mean(before) - _mean(after)) / unit) * unit
    rounded.set_weights([kernel, bias])
    return _Values(tensor, before, after + bias.astype(np.float32), inputs.step, is_positive=False)


def _windows(
    convolution: Convolution, maps: NDArray[np.float32], places: int, generator: np.random.Generator
) -> Numbers | None:
    """What a layer weighs at some of its places, (G, M, n); None where that is too much at a time."""
    if convolution.weights().shape[1] > _MOST_TOGETHER:
        return None
    some = max(_PLACES, _PLACES * PHOTOGRAPHS // len(maps))
    at = np.stack([generator.permutation(places)[:some] for _ in maps])
    return convolution.inputs(maps, at)


def _in_whole_steps(
    convolution: Convolution, windows: Numbers | None, finest: float
) -> tuple[Numbers, Numbers]:
    """The kernel, and the step of each channel (C,). A channel that hardly varies gets no kernel."""
    weights = convolution.weights()
    step = coarse(np.abs(weights).max(axis=1) / STEPS, _BITS, finest)
    is_constant = step == 0
    step[is_constant] = 1
    if windows is None:
        whole = round_alone(weights, step)
    else:
        whole = round_together(weights, covariance_of(windows), step)
    whole[np.broadcast_to(is_constant[:, np.newaxis], whole.shape)] = 0
    return convolution.as_kernel(whole * step[:, np.newaxis]), step.ravel()


def _in_range(block: Block, values: _Values, *, is_last: bool) -> _Values:
    """The values rounded, in a range as large as without rounding, and cut off beyond it."""
    from trainer.models.fake_quantize import FakeQuantize, HalvesFromZero

    name = block.layer.name
    lowest, highest = (0, 255) if values.is_positive else (-128, 127)
    most = max(float(np.abs(values.before).max()), _LEAST)
    if is_last and block.output.shape[-1] == 1:
        most = min(most, _LARGEST_LOGIT)
    step = 2.0 ** ceil(log2(most / highest))
    values = replace(values, step=step)
    if is_weighted(block.layer) and not values.is_positive:
        values = _after(HalvesFromZero(step, name=f"{name}_halves"), values)
    return _after(FakeQuantize(lowest * step, highest * step, name=f"{name}_rounded"), values)


def _after(rounding: Any, values: _Values) -> _Values:
    """What a layer that rounds makes of values."""
    return replace(values, tensor=rounding(values.tensor), after=_run(rounding, [values.after]))


def _mean(maps: NDArray[np.float32]) -> Numbers:
    """Of each channel."""
    return np.asarray(maps.mean(axis=tuple(range(maps.ndim - 1)), dtype=np.float64))


def _run(layer: Any, inputs: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    parts = [layer(_one_or_all([maps[at] for maps in inputs])) for at in batches(len(inputs[0]))]
    return np.concatenate([np.asarray(part) for part in parts])


def _one_or_all(values: Sequence[Any]) -> Any:
    return values[0] if len(values) == 1 else list(values)
