"""The default: features of a pretrained MobileNet, and a linear head.

MobileNetV1 (Howard et al. 2017, arXiv:1704.04861) a quarter as wide, up to its eleventh block,
left as ImageNet made it. Of several blocks the mean of each channel over the picture and its mean
positive deviation go into one linear layer: what a texture is like, and how uneven it is. Fine
tuning did worse on parts that training never saw; docs/experiments.md has the figures.
"""

from typing import Any

from trainer.weights import Weights

ALPHA = 0.25
BLOCKS = (4, 5, 6, 7, 9, 11)


def download() -> Any:
    """The Keras model with ImageNet weights, from Keras's cache or the network."""
    from keras.applications import MobileNet

    return MobileNet(input_shape=(160, 160, 3), alpha=ALPHA, include_top=False, weights="imagenet")


def build_features(height: int, width: int, channels: int, weights: Weights) -> Any:
    """A Keras model: float32 (N, H, W, C) in -1…1 to features (N, D); raises InputError."""
    from keras import Model, layers
    from keras.applications import MobileNet

    backbone = MobileNet(input_shape=(height, width, channels), alpha=ALPHA, include_top=False, weights=None)
    last = backbone.get_layer(f"conv_pw_{BLOCKS[-1]}_relu").output
    trunk = Model(backbone.input, last, name="MobileNet (alpha 0.25)")
    weights.give(trunk)
    features = []
    for block in BLOCKS:
        values = trunk.get_layer(f"conv_pw_{block}_relu").output
        mean = layers.GlobalAveragePooling2D(keepdims=True)(values)
        above = layers.ReLU()(layers.Subtract()([values, mean]))
        features += [layers.Flatten()(mean), layers.GlobalAveragePooling2D()(above)]
    return Model(trunk.input, layers.Concatenate()(features), name="features")


def with_head(features: Any, kernel: Any, bias: Any) -> Any:
    """The whole network, to logits: ``features``, then kernel (D, outputs) and bias (outputs,)."""
    from keras import Model, layers

    head = layers.Dense(kernel.shape[1], name="head")
    network = Model(features.input, head(features.output), name="default")
    head.set_weights([kernel, bias])
    return network
