"""A network in whole numbers: in float it says what its int8 copy says, bit for bit.

Every weight and every value becomes a whole number of steps; steps of values are powers of two and those of
kernels have few binary digits, so that float32 adds up without an error of its own
(docs/research/experiments.md).
Layer after layer is fitted to what the given network says of some photographs, for what comes into it once
all before it are rounded, and its weights are then rounded together; its bias makes the mean of each channel
what it was. That every channel uses its range, channels are scaled up and the weights of what follows down,
after Nagel et al. 2019 (arXiv:1906.04721); channels that are added up are scaled alike.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, log2, prod
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from threadpoolctl import threadpool_limits

from edge.core.preprocess import PIXEL_STEP, PIXEL_ZERO, to_network_input
from trainer.whole_numbers.blocks import Block, blocks_of, is_weighted, keeps_steps
from trainer.whole_numbers.convolution import Convolution, at_places, folded
from trainer.whole_numbers.rounding import (
    FINEST,
    STEPS,
    Means,
    Moments,
    Numbers,
    fit,
    means,
    moments,
    round_alone,
    round_together,
    step_of,
)

PHOTOGRAPHS = 250  # enough of 160x160 pixels; of larger ones fewer are looked at, at more places each
PIXELS, _FEWEST = PHOTOGRAPHS * 160 * 160, 16
_ROWS, _DEPTHWISE_ROWS = 10_000, 1_500  # places in all of these that a layer is fitted on
_BATCH_BYTES = 2**26  # of a layer's largest map
_MOST_TOGETHER = 2500  # weights of an output; of more each is rounded by itself
_STEP = 1 / 32  # of what a ReLU6 lets through, all of it
_MARGIN, _MOST = 1.5, 1000.0  # room beyond the largest value seen; times that a channel is scaled up
_LEAST = 2.0**-20  # of what a range may be
_LARGEST_LOGIT = 127 / 16  # where it stands alone: a score of 0.9996


def in_whole_numbers(network: Any, pixels: NDArray[np.uint8], *, seed: int) -> Any:
    """A functional Keras network, (N, H, W, C) in -1…1 to maps or vectors, rounded for what ``pixels`` show.

    ``pixels``: uint8 (N, H, W, C), of which PHOTOGRAPHS are enough. Each channel of a map that comes out is
    scaled to use the map's range, as what learns on maps weighs channels anew; vectors, as logits are, stay
    as they were. `fake_quantize.range_of` says the range of what comes out. A network with a layer that is
    not known here is given back as it is.
    """
    from keras import Input, Model

    blocks = blocks_of(network)
    if blocks is None:
        return network
    generator = np.random.default_rng(seed)
    largest = max(prod(block.output.shape[1:]) for block in blocks)
    batch = max(1, _BATCH_BYTES // (4 * largest))
    count = min(len(pixels), PHOTOGRAPHS, max(_FEWEST, PIXELS // prod(pixels.shape[1:3])))
    pixels = pixels[generator.permutation(len(pixels))[:count]]
    exact = [_Exact(block, count, generator) for block in blocks]
    for at in _batches(count, batch):
        _watch(exact, network.inputs[0], to_network_input(pixels[at]), at)
    scaling = _Scaling(network, exact)

    entry = Input(network.inputs[0].shape[1:])
    steps = (pixels.astype(np.int16) - PIXEL_ZERO).astype(np.int8)
    found = {id(network.inputs[0]): _Values(entry, steps, PIXEL_STEP)}
    ends = [id(tensor) for tensor in network.outputs]
    waiting = _users(blocks) + Counter(ends)
    for one in exact:
        inputs = [found[id(tensor)] for tensor in one.block.inputs]
        with threadpool_limits(1, "blas"):  # mostly small matrices: threads would wait for each other
            found[id(one.block.output)] = _rounded(one, inputs, scaling, batch)
        found = _still_wanted(found, waiting, one.block)
    return Model(entry, _one_or_all([found[end].tensor for end in ends]), name=network.name)


class _Exact:
    """A block of the given network, with the normalization in its weights, and what it said.

    All from before its ReLU: ``lowest`` and ``highest`` (C,) of each channel, and, of a weighted one, the
    ``outputs`` (N, P, C) at some ``places`` (N, P), which count along the rows of a map.
    """

    def __init__(self, block: Block, photographs: int, generator: np.random.Generator) -> None:
        *sides, channels = block.output.shape[1:]
        self.block = block
        self.lowest, self.highest = np.full(channels, np.inf), np.full(channels, -np.inf)
        self.convolution = convolution = folded(block) if is_weighted(block.layer) else None
        if convolution is None:
            self.layer = block.layer.from_config(block.layer.get_config())
            return
        rows = _DEPTHWISE_ROWS if convolution.is_depthwise else _ROWS
        some = min(prod(sides), ceil(rows / photographs))
        self.places = np.stack([generator.permutation(prod(sides))[:some] for _ in range(photographs)])
        self.outputs = np.zeros((*self.places.shape, channels), np.float32)
        self.layer = convolution.as_layer(block.layer.name)
        self.layer.build(block.inputs[0].shape)
        self.layer.set_weights([convolution.kernel, convolution.bias])

    def watch(self, inputs: Sequence[Any], at: slice) -> Any:
        """The output for a batch of photographs; the answer before its ReLU is noted."""
        import tensorflow as tf

        values = self.layer(_one_or_all(inputs))
        rows = values.numpy().reshape(len(values), -1, len(self.lowest))
        self.lowest = np.minimum(self.lowest, rows.min(axis=(0, 1)))
        self.highest = np.maximum(self.highest, rows.max(axis=(0, 1)))
        if self.convolution is not None:
            self.outputs[at] = at_places(rows, self.places[at])
        values = tf.reshape(values, (len(values), *self.block.output.shape[1:]))
        return tf.clip_by_value(values, 0, self.block.most or np.inf) if self.block.has_relu else values

    def reach(self) -> Numbers:
        """The largest distance of each channel from 0, (C,)."""
        if self.block.has_relu:
            return np.clip(self.highest, 0, None)
        return np.maximum(np.abs(self.lowest), np.abs(self.highest))


def _watch(exact: Sequence[_Exact], entry: Any, maps: NDArray[np.float32], at: slice) -> None:
    """Run the given network, whose input is ``entry``, on a batch of photographs."""
    found: dict[int, Any] = {id(entry): maps}
    waiting = _users([one.block for one in exact])
    for one in exact:
        inputs = [found[id(tensor)] for tensor in one.block.inputs]
        found[id(one.block.output)] = one.watch(inputs, at)
        found = _still_wanted(found, waiting, one.block)


def _users(blocks: Sequence[Block]) -> Counter[int]:
    """The number of blocks that take each tensor."""
    return Counter(id(tensor) for block in blocks for tensor in block.inputs)


def _still_wanted(found: dict[int, Any], waiting: Counter[int], done: Block) -> dict[int, Any]:
    """The tensors still to be taken once a block has taken its inputs."""
    waiting.subtract(id(tensor) for tensor in done.inputs)
    return {key: values for key, values in found.items() if waiting[key] > 0}


class _Scaling:
    """The scale of each channel of each tensor of a network, and the tensor's step.

    Tensors that are added up, or that hold the same values, are scaled alike: they are one family.
    """

    def __init__(self, network: Any, exact: Sequence[_Exact]) -> None:
        blocks = [one.block for one in exact]
        self._reaches = {id(one.block.output): one.reach() for one in exact}
        self._parents: dict[int, int] = {}
        for block in blocks:
            for tensor in () if is_weighted(block.layer) else block.inputs:
                self._parents[self._family(tensor)] = self._family(block.output)
        fixed = [*network.inputs, *(tensor for tensor in network.outputs if len(tensor.shape) == 2)]
        self._fixed = {self._family(tensor) for tensor in fixed}
        self._positive = _positive(blocks)
        self._members: dict[int, list[Block]] = {}
        for block in blocks:
            if not keeps_steps(block.layer):
                self._members.setdefault(self._family(block.output), []).append(block)
        self._scales = {family: self._scale(family, of) for family, of in self._members.items()}

    def is_positive(self, block: Block) -> bool:
        """True if nothing that comes out of a block can be negative."""
        return id(block.output) in self._positive

    def is_free(self, block: Block) -> bool:
        """True if the scale of what comes out of a block is up to it alone."""
        family = self._family(block.output)
        return family not in self._fixed and len(self._members[family]) == 1 and is_weighted(block.layer)

    def of(self, tensor: Any) -> Numbers:
        """The factors of the channels of a tensor, (C,)."""
        scale = self._scales.get(self._family(tensor), np.ones(1))
        return np.tile(scale, tensor.shape[-1] // len(scale))

    def change(self, tensor: Any, by: Numbers) -> None:
        """Multiply the scale of a tensor's channels, (C,)."""
        self._scales[self._family(tensor)] = self._scales[self._family(tensor)] * by

    def keeps_limit(self, block: Block) -> bool:
        """True if a ReLU cuts off where it did: channels that are scaled are cut off by the range itself."""
        return self._family(block.output) in self._fixed

    def step(self, block: Block) -> float:
        """Of what comes out of a block: a power of two."""
        most = float((self._reach(block) * self.of(block.output)).max())
        if block.output.shape[1:] == (1,) and self.keeps_limit(block):
            most = min(most, _LARGEST_LOGIT)
        steps = 255 if self.is_positive(block) else 127
        return float(2.0 ** ceil(log2(max(most, _LEAST) / steps) - 1e-6))

    def _family(self, tensor: Any) -> int:
        key = id(tensor)
        while key in self._parents and self._parents[key] != key:
            key = self._parents[key]
        return key

    def _scale(self, family: int, blocks: Sequence[Block]) -> Numbers:
        width = min(block.output.shape[-1] for block in blocks)
        if family in self._fixed:
            return np.ones(width)
        reach = np.max([self._reach(block).reshape(-1, width).max(axis=0) for block in blocks], axis=0)
        reach = np.maximum(reach, max(reach.max() / _MOST, _LEAST))
        steps = 255 if all(self.is_positive(block) for block in blocks) else 127
        return np.asarray(steps * _STEP / reach)

    def _reach(self, block: Block) -> Numbers:
        room = 1.0 if self.keeps_limit(block) else _MARGIN
        return np.minimum(room * self._reaches[id(block.output)], block.most or np.inf)


def _positive(blocks: Sequence[Block]) -> set[int]:
    """The tensors in which nothing is negative."""
    from keras import layers

    found: set[int] = set()
    for block in blocks:
        is_mean = isinstance(block.layer, layers.GlobalAveragePooling2D)
        keeps_sign = is_mean or not is_weighted(block.layer)
        if block.has_relu or (keeps_sign and all(id(tensor) in found for tensor in block.inputs)):
            found.add(id(block.output))
    return found


@dataclass(frozen=True)
class _Values:
    """A Keras ``tensor`` of the rounded network, and what stands there for some photographs.

    ``steps``: whole numbers of ``step``, (N, …), as int8 or uint8.
    """

    tensor: Any
    steps: NDArray[Any]
    step: float


def _rounded(exact: _Exact, inputs: Sequence[_Values], scaling: _Scaling, batch: int) -> _Values:
    """The output of a block once it is rounded."""
    from keras import layers

    from trainer.whole_numbers.fake_quantize import FakeQuantize, HalvesFromZero

    block, layer, name = exact.block, exact.block.layer, exact.block.layer.name
    if isinstance(layer, layers.Dropout):
        return inputs[0]
    step, is_positive = scaling.step(block), scaling.is_positive(block)
    if exact.convolution is not None:
        chain = [exact.convolution.as_layer(name)]
        chain[0].build(inputs[0].tensor.shape)
        chain[0].set_weights(_in_whole_steps(exact, exact.convolution, inputs[0], step, scaling, batch))
    else:
        chain = [layer.from_config(layer.get_config())]
    if keeps_steps(layer):
        return _through(chain, inputs, inputs[0].step, inputs[0].steps.dtype, batch)
    if block.has_relu:
        most = block.most if scaling.keeps_limit(block) else None
        chain.append(layers.ReLU(most, name=f"{name}_relu"))
    if exact.convolution is not None and not is_positive:
        chain.append(HalvesFromZero(step, name=f"{name}_halves"))
    low, high = (0, 255) if is_positive else (-128, 127)
    chain.append(FakeQuantize(low * step, high * step, name=f"{name}_rounded"))
    if isinstance(layer, layers.GlobalAveragePooling2D):
        chain.append(layers.Flatten(name=f"{name}_flat"))
    return _through(chain, inputs, step, np.uint8 if is_positive else np.int8, batch)


def _in_whole_steps(
    exact: _Exact,
    convolution: Convolution,
    inputs: _Values,
    step_after: float,
    scaling: _Scaling,
    batch: int,
) -> list[Numbers]:
    """Kernel and bias of a layer. A channel that hardly varies gets no kernel."""
    block = exact.block
    weights = convolution.as_weights(convolution.kernel / scaling.of(block.inputs[0])[:, np.newaxis])
    scale = convolution.by_channel(scaling.of(block.output))
    is_fitted = weights.shape[1] <= _MOST_TOGETHER and not _is_mean(block)
    parts = _samples(exact, convolution, inputs, batch)
    seen: Means = moments(parts) if is_fitted else means(parts)
    if isinstance(seen, Moments):
        weights = fit(seen, weights)
    weights = weights * scale[:, np.newaxis]
    step = step_of(weights, FINEST * step_after / inputs.step)
    is_constant = step == 0
    step[is_constant] = 1
    if scaling.is_free(block):  # then the largest weight is a whole number of steps by the scale itself
        largest = np.maximum(np.abs(weights).max(axis=1), 1e-30)
        change = np.where(is_constant, 1, step * STEPS / largest)
        weights, scale = weights * change[:, np.newaxis], scale * change
        scaling.change(block.output, change.ravel())
    if isinstance(seen, Moments):
        whole = round_together(weights, seen.covariance, step)
    else:
        whole = round_alone(weights, step)
    whole[np.broadcast_to(is_constant[:, np.newaxis], whole.shape)] = 0
    rounded, unit = whole * step[:, np.newaxis], step * inputs.step
    bias = seen.wanted * scale - np.einsum("gn,gno->go", seen.mean, rounded)
    return [convolution.as_kernel(rounded), (np.round(bias / unit) * unit).ravel()]


def _samples(
    exact: _Exact, convolution: Convolution, inputs: _Values, batch: int
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """The weighed inputs at some places, (G, M, n), and the answers there, (G, M, o), batch by batch."""
    for at in _batches(len(inputs.steps), batch):
        weighed = convolution.inputs(inputs.steps[at], exact.places[at])
        said = exact.outputs[at].reshape(-1, exact.outputs.shape[-1])
        wanted = said.T[..., np.newaxis] if convolution.is_depthwise else said[np.newaxis]
        yield weighed.astype(np.float32) * np.float32(inputs.step), wanted


def _through(
    chain: Sequence[Any], inputs: Sequence[_Values], step: float, kind: DTypeLike, batch: int
) -> _Values:
    """The values after layers, one after the other; ``kind``: of the steps that come out."""

    def run(values: Any) -> Any:
        for layer in chain:
            values = layer(values)
        return values

    tensor = run(_one_or_all([one.tensor for one in inputs]))
    found = np.zeros((len(inputs[0].steps), *tensor.shape[1:]), kind)
    for at in _batches(len(found), batch):
        real = [one.steps[at].astype(np.float32) * np.float32(one.step) for one in inputs]
        found[at] = np.asarray(run(_one_or_all(real))) / np.float32(step)
    return _Values(tensor, found, step)


def _is_mean(block: Block) -> bool:
    from keras import layers

    return isinstance(block.layer, layers.GlobalAveragePooling2D)


def _one_or_all(values: Sequence[Any]) -> Any:
    return values[0] if len(values) == 1 else list(values)


def _batches(count: int, size: int) -> Iterator[slice]:
    """So many, a batch at a time."""
    for start in range(0, count, size):
        yield slice(start, start + size)
