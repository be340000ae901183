"""Which layer of a network int8 hurts most, so that a person knows what to change."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.core.preprocess import to_network_input
from quantize.convert import to_float
from quantize.correct import real_values
from quantize.flatbuffer import unpack

PHOTOGRAPHS = 16
LARGE_SHIFT = 0.05  # of the score: from here on the layers are compared
_WORST = 3


@dataclass(frozen=True)
class LayerError:
    """The distance of int8 from float after a layer, and before it: shares of what the channels vary by."""

    layer: str
    error: float
    before: float


def worst_layers(network: Any, flatbuffer: bytes, pixels: NDArray[np.uint8]) -> list[LayerError]:
    """The layers of an int8 graph at which most is lost, the worst first.

    ``network``: the Keras model that it was made of; ``pixels``: uint8 (N, H, W, C).
    """
    sample = pixels[:: max(1, len(pixels) // PHOTOGRAPHS)][:PHOTOGRAPHS]
    errors = _errors(to_float(network, sample), flatbuffer, sample)
    graph = unpack(flatbuffer).subgraphs[0]
    found = []
    for operator in graph.operators:
        after, *before = [
            errors.get(graph.tensors[number].name or b"", 0.0)
            for number in (operator.outputs[0], *operator.inputs)
            if number >= 0
        ]
        name = (graph.tensors[operator.outputs[0]].name or b"").decode()
        found.append(LayerError(name, after, max(before)))
    found.sort(key=lambda one: one.before**2 - one.error**2)
    return [one for one in found[:_WORST] if one.error > one.before]


def _errors(float32: bytes, int8: bytes, pixels: NDArray[np.uint8]) -> dict[bytes, float]:
    """By the name of a tensor that both graphs have; each channel by what it varies by, at most 1."""
    found: dict[bytes, list[NDArray[np.float64]]] = {}
    both = zip(real_values(float32, to_network_input(pixels)), real_values(int8, pixels), strict=True)
    for truth, said in both:
        for name in truth.keys() & said.keys():
            if truth[name].shape != said[name].shape or truth[name].ndim < 2:
                continue
            rows, others = (values.reshape(-1, values.shape[-1]) for values in (truth[name], said[name]))
            moments = np.stack(
                [rows.mean(axis=0), (rows**2).mean(axis=0), ((rows - others) ** 2).mean(axis=0)]
            )
            found.setdefault(name, []).append(moments)
    return {name: _error(np.mean(moments, axis=0)) for name, moments in found.items()}


def _error(moments: NDArray[np.float64]) -> float:
    """Of the mean, the mean square and the mean squared error of each channel, (3, C)."""
    mean, square, error = moments
    variance = square - mean**2
    varies = variance > 1e-9
    shares = np.minimum(error[varies] / variance[varies], 1)
    return float(np.sqrt(shares.mean())) if varies.any() else 0.0
