"""The time of one picture on this machine, in int8 on one thread, before anything is learned."""

import time
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge.core.interpreter import open_interpreter
from edge.core.native_stderr import native_stderr_filtered
from trainer.backbones.backbone import Backbone
from trainer.methods.frozen.feature_maps import FeatureSpec, build_maps

_SIDE = 160  # pixels of the picture that is timed; other sizes take as much longer as they have more pixels
_RUNS = 15


@dataclass(frozen=True)
class Speed:
    """``milliseconds`` of a picture, ``kilobytes`` of the file without what is learned on top."""

    milliseconds: float
    kilobytes: int

    def of(self, pixels: int) -> "Speed":
        """Of a picture of so many pixels."""
        return Speed(self.milliseconds * pixels / _SIDE**2, self.kilobytes)


def measure_speed(backbone: Backbone, feature_spec: FeatureSpec, channels: int) -> Speed:
    """The least of several runs of a backbone with a look: what disturbs only adds."""
    graph = _int8(build_maps(backbone, feature_spec, (_SIDE, _SIDE, channels)).network)
    interpreter = open_interpreter(graph, threads=1, name=f"{backbone.name} in int8")
    entry = interpreter.get_input_details()[0]["index"]
    picture = np.zeros((1, _SIDE, _SIDE, channels), np.int8)
    took = []
    for _ in range(_RUNS):
        interpreter.set_tensor(entry, picture)
        started = time.perf_counter()
        interpreter.invoke()
        took.append(time.perf_counter() - started)
    return Speed(1000 * min(took), round(len(graph) / 1000))


def _int8(network: Any) -> bytes:
    """A TFLite file of a network that takes as long as the one that will be learned, and knows no ranges."""
    import tensorflow as tf

    shape = (1, *network.inputs[0].shape[1:])
    sample = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
    with native_stderr_filtered(), warnings.catch_warnings(action="ignore"):
        converter = tf.lite.TFLiteConverter.from_keras_model(network)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: [[sample]]
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
        return bytes(converter.convert())
