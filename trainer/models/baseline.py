"""The classic network of tutorials, to compare with: LeCun et al. 1998, Proc. IEEE 86(11), grown up."""

from typing import Any


def build_baseline(height: int, width: int, channels: int, outputs: int) -> Any:
    """Three convolutions (32, 64, 128) with max pooling, dense 256, dropout, to logits (N, outputs)."""
    from keras import Input, Model, layers

    entry = values = Input((height, width, channels))
    for filters in (32, 64, 128):
        values = layers.MaxPooling2D()(layers.Conv2D(filters, 3, activation="relu")(values))
    values = layers.Dense(256, activation="relu")(layers.Flatten()(values))
    values = layers.Dense(outputs)(layers.Dropout(0.5)(values))
    return Model(entry, values, name="baseline")
