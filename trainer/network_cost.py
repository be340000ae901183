"""The parts of a network, and what one image costs it."""

import time
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

_TIMED = 20


@dataclass(frozen=True)
class Layer:
    """One layer; ``shape``: of its output, without the batch; ``multiply_adds``: of one image."""

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    multiply_adds: int


@dataclass(frozen=True)
class NetworkCost:
    """``milliseconds``: the median for one image by Keras on this machine, which is no edge device."""

    layers: list[Layer]
    parameters: int
    multiply_adds: int
    milliseconds: float


def network_cost(network: Any) -> NetworkCost:
    """Count a Keras network's layers, and time it."""
    layers = [_layer(layer) for layer in _leaves(network)]
    return NetworkCost(
        layers,
        parameters=int(network.count_params()),
        multiply_adds=sum(layer.multiply_adds for layer in layers),
        milliseconds=_milliseconds(network),
    )


def _leaves(network: Any) -> list[Any]:
    """Its layers, with those of networks inside it."""
    found: list[Any] = []
    for layer in network.layers:
        found += _leaves(layer) if hasattr(layer, "layers") else [layer]
    return found


def _layer(layer: Any) -> Layer:
    shape = tuple(int(side or 0) for side in getattr(layer.output, "shape", (0,))[1:])
    kernel = getattr(layer, "kernel", None)
    work = 0
    if kernel is not None:  # every weight of a kernel is used once for every place of the output
        work = int(prod(kernel.shape)) * int(prod(shape[:-1]))
    return Layer(str(layer.name), type(layer).__name__, shape, int(layer.count_params()), work)


def _milliseconds(network: Any) -> float:
    import tensorflow as tf

    image = tf.zeros((1, *network.inputs[0].shape[1:]))
    run = tf.function(lambda values: network(values, training=False))
    run(image)
    took = []
    for _ in range(_TIMED):
        started = time.perf_counter()
        run(image).numpy()
        took.append(time.perf_counter() - started)
    return float(1000 * np.median(took))
