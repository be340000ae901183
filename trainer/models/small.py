"""The default: a small network of depthwise separable convolutions.

Howard et al. 2017, "MobileNets" (arXiv:1704.04861), cut down. ReLU6 and average pooling alone
keep the ranges narrow, which int8 needs (see docs/results.md).
"""

from typing import Any

STEM = 16
BLOCKS = ((32, 2), (48, 1), (64, 2), (64, 1), (96, 2), (96, 1), (128, 2))


def build_small(height: int, width: int, channels: int, outputs: int) -> Any:
    """An untrained Keras model: float32 (N, H, W, C) in -1…1 to logits (N, outputs)."""
    from keras import Input, Model, layers

    def convolve(values: Any, layer: Any) -> Any:
        return layers.ReLU(6.0)(layers.BatchNormalization(momentum=0.9)(layer(values)))

    entry = Input((height, width, channels))
    values = convolve(entry, layers.Conv2D(STEM, 3, 2, "same", use_bias=False))
    for filters, stride in BLOCKS:
        values = convolve(values, layers.DepthwiseConv2D(3, stride, "same", use_bias=False))
        values = convolve(values, layers.Conv2D(filters, 1, use_bias=False))
    pooled = [layers.GlobalAveragePooling2D()(values), layers.GlobalMaxPooling2D()(values)]
    values = layers.Dropout(0.2)(layers.Concatenate()(pooled))
    return Model(entry, layers.Dense(outputs)(values), name="default")
