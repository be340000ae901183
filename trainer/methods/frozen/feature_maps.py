"""Features in the maps of a backbone, as Keras graphs that int8 repeats exactly."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.backbones.backbone import Backbone
from trainer.methods.frozen.place_score import WINDOW
from trainer.predict import each_batch
from trainer.whole_numbers.fake_quantize import ACTIVATION_STEPS

LARGEST_DEVIATION = 8.0  # of a standardized feature: what is beyond is cut off
LARGEST_PLACE = 16.0  # deviations of a channel at one place: rare channels reach far
_FEW, _SMALL = 5, 8  # places a side from which on a map is standardized and summed at once
_LEAST = 1e-4  # deviation of a channel
_NO_TIE = 0.25  # of a step of a sum


@dataclass(frozen=True)
class FeatureSpec:
    """Which maps are summarized, and by what: means always; deviations and extremes where wanted.

    ``texture``: taps whose maps are averaged. ``places``: taps in which each place is scored, none where
    photographs are judged by averages alone.
    """

    texture: tuple[str, ...]
    places: tuple[str, ...] = ()
    has_deviations: bool = True
    has_extremes: bool = True

    @property
    def taps(self) -> tuple[str, ...]:
        """All that are needed, each once."""
        return tuple(dict.fromkeys((*self.texture, *self.places)))


def full_spec(backbone: Backbone) -> FeatureSpec:
    """All that a backbone offers: its place taps, and of each finer stride the last of its texture taps."""
    strides = {tap.name: tap.stride for tap in backbone.taps}
    coarsest = max(strides[tap] for tap in backbone.place_taps)
    finer = {strides[tap]: tap for tap in backbone.texture_taps if strides[tap] < coarsest}
    return FeatureSpec(backbone.texture_taps, (*finer.values(), *backbone.place_taps))


@dataclass(frozen=True)
class Maps:
    """A network of a backbone's maps: ``network`` from (N, H, W, C) in -1…1 to one output for each tap.

    ``strides``: of each tap, in pixels.
    """

    network: Any
    feature_spec: FeatureSpec
    strides: dict[str, int]

    def of(self, tap: str) -> Any:
        """The Keras tensor (N, h, w, c) of a tap."""
        return self.network.outputs[self.feature_spec.taps.index(tap)]

    @cached_property
    def summaries(self) -> list[Any]:
        """Keras tensors (N, h, w, c) whose means over their places are the features of a photograph.

        For each tap its map, averaged over windows where it is large; how far places lie above the mean; and
        the highest and lowest window of places, the latter negated.
        """
        found = []
        for tap in self.feature_spec.texture:
            values = self.of(tap)
            pooled = _pooled(values)
            found.append(pooled)
            if self.feature_spec.has_deviations:
                found.append(_pooled(_above_mean(values, pooled)))
            if self.feature_spec.has_extremes:
                found += [_highest(values, sign=1), _highest(values, sign=-1)]
        return found

    def features(self) -> Any:
        """A Keras tensor (N, D): the mean of each channel of each summary."""
        from keras import layers

        means = [layers.GlobalAveragePooling2D()(values) for values in self.summaries]
        return layers.Concatenate()(means) if len(means) > 1 else means[0]

    def standardized_places(self, means: Sequence[Any], deviations: Sequence[Any]) -> Any:
        """A Keras tensor (N, h, w, C): all channels of the place taps, on the grid of the coarsest of them.

        ``means``, ``deviations``: (c,) for each of those taps. Rounded to steps of LARGEST_PLACE / 127.
        """
        from keras import layers

        from trainer.whole_numbers.fake_quantize import around_zero

        coarsest = max(self.strides[tap] for tap in self.feature_spec.places)
        parts = []
        for tap, mean, deviation in zip(self.feature_spec.places, means, deviations, strict=True):
            side = coarsest // self.strides[tap]
            layer = layers.DepthwiseConv2D(side, strides=side)
            parts.append(around_zero(LARGEST_PLACE)(layer(self.of(tap))))
            kernel = np.broadcast_to(1 / (deviation * side * side), (side, side, len(deviation)))
            layer.set_weights([kernel[..., np.newaxis], -mean / deviation])
        return layers.Concatenate()(parts) if len(parts) > 1 else parts[0]


def build_maps(backbone: Backbone, feature_spec: FeatureSpec, shape: tuple[int, int, int]) -> Maps:
    """Of photographs of a ``shape`` (height, width, channels), in float."""
    network = backbone.build(*shape, feature_spec.taps)
    strides = {tap.name: tap.stride for tap in backbone.taps}
    return Maps(network, feature_spec, {tap: strides[tap] for tap in feature_spec.taps})


def rounded(maps: Maps, pixels: NDArray[np.uint8], *, seed: int) -> Maps:
    """The same in whole numbers, fitted to what ``pixels``, uint8 (N, H, W, C), show."""
    from trainer.whole_numbers.network import in_whole_numbers

    return Maps(in_whole_numbers(maps.network, pixels, seed=seed), maps.feature_spec, maps.strides)


def place_statistics(
    maps: Maps, pixels: NDArray[np.uint8], at: NDArray[np.int64]
) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]]:
    """Mean and deviation (c,) of each channel of the place taps, over all places of some photographs."""
    from keras import Model

    tensors = [maps.of(tap) for tap in maps.feature_spec.places]
    sums = [np.zeros((2, tensor.shape[-1])) for tensor in tensors]
    counts = [0 for _ in tensors]
    for batch in each_batch(Model(maps.network.inputs[0], tensors), pixels, "channels", at):
        for number, values in enumerate(batch):
            rows = values.reshape(-1, values.shape[-1]).astype(np.float64)
            sums[number] += [rows.sum(axis=0), np.square(rows).sum(axis=0)]
            counts[number] += len(rows)
    means = [total[0] / count for total, count in zip(sums, counts, strict=True)]
    squares = [total[1] / count for total, count in zip(sums, counts, strict=True)]
    deviations = [
        np.sqrt(np.maximum(square - mean**2, _LEAST**2)) for square, mean in zip(squares, means, strict=True)
    ]
    return [mean.astype(np.float32) for mean in means], [one.astype(np.float32) for one in deviations]


def average(
    values: Any, window: tuple[int, int], *, strides: tuple[int, int] | None = None, sign: int = 1
) -> Any:
    """The means of a map over windows, times ``sign``, rounded as the map is where it is.

    By a convolution: XNNPACK runs no average pooling in int8, and what does rounds otherwise. A mean in
    the middle of two steps would be rounded by chance of the last bit, so all are moved up by less than two
    sums can differ by.
    """
    from keras import layers

    from trainer.whole_numbers.fake_quantize import FakeQuantize

    if window == (1, 1) and sign == 1:
        return values
    limits = _limits(values)
    mean = layers.DepthwiseConv2D(window, strides=strides or window)
    averaged = mean(values)
    places, channels = window[0] * window[1], values.shape[-1]
    moved = 0.0 if limits is None else _NO_TIE * (limits[1] - limits[0]) / (ACTIVATION_STEPS * places)
    kernel = np.full((*window, channels, 1), sign / places, np.float32)
    mean.set_weights([kernel, np.full(channels, moved, np.float32)])
    if limits is None:
        return averaged
    low, high = limits if sign > 0 else (-limits[1], -limits[0])
    return FakeQuantize(low, high)(averaged)


def _limits(values: Any) -> tuple[float, float] | None:
    """The range of a tensor in whole numbers, None of one in float."""
    from trainer.whole_numbers.fake_quantize import range_of

    try:
        return range_of(values)
    except ValueError:
        return None


def _pooled(values: Any) -> Any:
    """A map, averaged over windows, see `_window`, where it is large."""
    height, width = values.shape[1:3]
    return average(values, (_window(height), _window(width)))


def _above_mean(values: Any, pooled: Any) -> Any:
    """The height of each place above the mean of its channel, 0 below it."""
    from keras import layers

    from trainer.whole_numbers.fake_quantize import FakeQuantize

    mean = average(pooled, pooled.shape[1:3])
    above = layers.ReLU()(layers.Subtract()([values, mean]))
    limits = _limits(values)
    return above if limits is None else FakeQuantize(0.0, limits[1] - min(limits[0], 0.0))(above)


def _highest(values: Any, *, sign: int) -> Any:
    """The highest window of places of each channel, (N, 1, 1, c); with ``sign`` -1 the lowest, negated."""
    from keras import layers

    height, width = values.shape[1:3]
    averaged = average(values, (min(WINDOW, height), min(WINDOW, width)), strides=(1, 1), sign=sign)
    return layers.GlobalMaxPooling2D(keepdims=True)(averaged)


def _window(side: int) -> int:
    """The smallest part of ``side`` that leaves 2 to _FEW places, or else at most _SMALL."""
    windows = [window for window in range(1, side + 1) if side % window == 0 and side // window <= _SMALL]
    return next((window for window in windows if 2 <= side // window <= _FEW), windows[0])
