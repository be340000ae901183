"""Without pretrained weights: plain convolutions where the picture is large, depthwise after.

The depthwise separable convolution of Howard et al. 2017, "MobileNets" (arXiv:1704.04861), with
the first blocks plain as Tan and Le 2021, "EfficientNetV2" (arXiv:2104.00298) have them: thin
cracks were not learned without. ReLU6 and average pooling alone keep the ranges narrow, which
int8 needs.
"""

from typing import Any

STEM = 16
PLAIN = ((24, 1), (32, 2), (48, 1))
SEPARABLE = ((64, 2), (64, 1), (96, 2), (96, 1))


def build_scratch(height: int, width: int, channels: int, outputs: int) -> Any:
    """An untrained Keras model: float32 (N, H, W, C) in -1…1 to logits (N, outputs)."""
    from keras import Input, Model, layers

    def normalized(values: Any, layer: Any) -> Any:
        return layers.ReLU(6.0)(layers.BatchNormalization(momentum=0.9)(layer(values)))

    entry = Input((height, width, channels))
    values = normalized(entry, layers.Conv2D(STEM, 3, 2, "same", use_bias=False))
    for filters, stride in PLAIN:
        values = normalized(values, layers.Conv2D(filters, 3, stride, "same", use_bias=False))
    for filters, stride in SEPARABLE:
        values = normalized(values, layers.DepthwiseConv2D(3, stride, "same", use_bias=False))
        values = normalized(values, layers.Conv2D(filters, 1, use_bias=False))
    values = layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(values))
    return Model(entry, layers.Dense(outputs)(values), name="scratch")
