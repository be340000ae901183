"""A Keras network, divided into what int8 does in one go."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Block:
    """A layer, and maybe a batch normalization and a ReLU that take its outputs and that nothing else takes.

    ``most``: where the ReLU cuts off, or None. ``padding``: of a convolution, "same" also where a layer
    before it pads just so. ``inputs``, ``output``: Keras tensors of the network.
    """

    layer: Any
    norm: Any
    has_relu: bool
    most: float | None
    padding: str
    inputs: Sequence[Any]
    output: Any


def blocks_of(network: Any) -> list[Block] | None:
    """The blocks of a functional network, in order; None where it has a layer that is not known here."""
    from keras import layers

    users: dict[int, list[Any]] = {}
    for layer in network.layers:
        for tensor in _inputs(layer):
            users.setdefault(id(tensor), []).append(layer)
    ends = {id(tensor) for tensor in network.outputs}

    def behind(layer: Any) -> Any:
        """The only one that takes the outputs of a layer, or None."""
        mine = id(layer.output)
        return users[mine][0] if mine not in ends and len(users[mine]) == 1 else None

    blocks: list[Block] = []
    done: set[str] = set()
    padded: dict[str, list[Any]] = {}
    for layer in network.layers:
        if isinstance(layer, layers.InputLayer) or layer.name in done:
            continue
        if _pads_as_same(layer, behind(layer)):
            padded[behind(layer).name] = _inputs(layer)
            continue
        last, norm = layer, None
        if is_weighted(layer) and not _is_relu(layer) and isinstance(behind(last), layers.BatchNormalization):
            last = norm = behind(last)
        if not keeps_steps(layer) and not _is_relu(layer) and _is_relu(behind(last)):
            last = behind(last)
        if not (is_weighted(layer) or keeps_steps(layer) or isinstance(layer, layers.Add)):
            return None
        most = getattr(last, "max_value", None)
        padding = "same" if layer.name in padded else getattr(layer, "padding", "valid")
        inputs = padded.get(layer.name) or _inputs(layer)
        blocks.append(Block(layer, norm, _is_relu(last), most, padding, inputs, last.output))
        done |= {one.name for one in (norm, last) if one is not None}
    return blocks


def is_weighted(layer: Any) -> bool:
    """A convolution over neighbouring places, or a dense layer, with or without a ReLU of its own; or a mean.

    TensorFlow Lite's own means round as they like, its convolutions all alike.
    """
    from keras import activations, layers

    if isinstance(layer, layers.GlobalAveragePooling2D):
        return not layer.keepdims
    if not isinstance(layer, layers.Conv2D | layers.DepthwiseConv2D | layers.Dense):
        return False
    usual = {"dilation_rate": (1, 1), "groups": 1, "depth_multiplier": 1, "data_format": "channels_last"}
    is_usual = all(getattr(layer, name, value) == value for name, value in usual.items())
    return is_usual and (layer.activation is activations.linear or _is_relu(layer))


def keeps_steps(layer: Any) -> bool:
    """A layer that gives nothing but values that it takes, or zeros; or, when it decides, does nothing."""
    from keras import layers

    return isinstance(layer, layers.MaxPooling2D | layers.ZeroPadding2D | layers.Flatten | layers.Dropout)


def _pads_as_same(layer: Any, behind: Any) -> bool:
    """True if padding and the one convolution behind it are together a convolution that pads by itself."""
    from keras import layers

    if not (
        isinstance(layer, layers.ZeroPadding2D) and isinstance(behind, layers.Conv2D | layers.DepthwiseConv2D)
    ):
        return False
    is_usual = layer.padding == ((0, 1), (0, 1)) and behind.kernel_size == (3, 3) and behind.strides == (2, 2)
    sides = layer.input.shape[1:3]
    return is_usual and behind.padding == "valid" and all(side % 2 == 0 for side in sides)


def _is_relu(layer: Any) -> bool:
    """True if what comes out of a layer went through a ReLU in it."""
    from keras import activations, layers

    if isinstance(layer, layers.ReLU):
        return bool(layer.negative_slope == 0 and layer.threshold == 0)
    return getattr(layer, "activation", None) is activations.relu


def _inputs(layer: Any) -> list[Any]:
    from keras import layers

    if isinstance(layer, layers.InputLayer):
        return []
    return layer.input if isinstance(layer.input, list) else [layer.input]
