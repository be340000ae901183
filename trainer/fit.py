"""Learning: optimizer, schedule, early stopping, the best checkpoint."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from edge.decision import Task
from trainer.augment import augment
from trainer.evaluate import to_input


@dataclass(frozen=True)
class FitSettings:
    """How to learn; ``patience`` counts epochs without a better validation loss."""

    epochs: int = 40
    batch_size: int = 32
    learning_rate: float = 2e-3
    patience: int = 10
    seed: int = 1
    augmented: bool = True


def fit(
    model: Any,
    pixels: NDArray[np.uint8],
    labels: NDArray[np.int64],
    *,
    train: NDArray[np.int64],
    validation: NDArray[np.int64],
    task: Task,
    settings: FitSettings,
    checkpoint: Path,
) -> dict[str, list[float]]:
    """Train ``model`` in place and leave it with its best weights; returns the history by epoch."""
    import keras

    binary = task == "binary"
    loss = (
        keras.losses.BinaryCrossentropy(from_logits=True)
        if binary
        else keras.losses.CategoricalCrossentropy(from_logits=True)
    )
    steps = -(-len(train) // settings.batch_size)
    model.compile(
        optimizer=keras.optimizers.Adam(
            keras.optimizers.schedules.CosineDecay(
                settings.learning_rate, steps * settings.epochs, alpha=0.01
            )
        ),
        loss=loss,
        metrics=[
            keras.metrics.BinaryAccuracy("accuracy", threshold=0.0)
            if binary
            else keras.metrics.CategoricalAccuracy("accuracy")
        ],
    )
    targets = _targets(labels, binary=binary)
    history = model.fit(
        _pipeline(pixels[train], targets[train], settings),
        validation_data=(to_input(pixels[validation]), targets[validation]),
        epochs=settings.epochs,
        class_weight=_class_weights(labels[train]),
        verbose=0,
        shuffle=False,  # the pipeline does it
        callbacks=[
            keras.callbacks.ModelCheckpoint(str(checkpoint), save_best_only=True, save_weights_only=True),
            keras.callbacks.EarlyStopping(patience=settings.patience),
            _progress(settings.epochs),
        ],
    )
    model.load_weights(str(checkpoint))
    return {name: [float(value) for value in values] for name, values in history.history.items()}


def _targets(labels: NDArray[np.int64], *, binary: bool) -> NDArray[np.float32]:
    if binary:
        return labels.astype(np.float32)[:, None]
    return np.eye(int(labels.max()) + 1, dtype=np.float32)[labels]


def _class_weights(labels: NDArray[np.int64]) -> dict[int, float]:
    counts = np.bincount(labels)
    return {number: len(labels) / (len(counts) * max(1, int(count))) for number, count in enumerate(counts)}


def _pipeline(pixels: NDArray[np.uint8], targets: NDArray[np.float32], settings: FitSettings) -> Any:
    import tensorflow as tf

    seeds = tf.data.Dataset.random(settings.seed).batch(2)
    rows = tf.data.Dataset.from_tensor_slices((pixels, targets))
    rows = rows.shuffle(len(pixels), seed=settings.seed).batch(settings.batch_size)

    def prepare(row: tuple[Any, Any], seed: Any) -> tuple[Any, Any]:
        images, target = row
        scaled = (tf.cast(images, tf.float32) - 128.0) / 127.5
        return (augment(scaled, tf.cast(seed % 2**30, tf.int32)) if settings.augmented else scaled), target

    joined = tf.data.Dataset.zip(rows, seeds).map(
        prepare, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    )
    return joined.prefetch(tf.data.AUTOTUNE)


def _progress(epochs: int) -> Any:
    import keras

    class Progress(keras.callbacks.Callback):  # type: ignore[misc]
        """One bar over all epochs, with the time that is left."""

        def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
            self.bar = tqdm(total=epochs, desc="training", unit="epoch", file=sys.stderr)

        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            values = logs or {}
            self.bar.set_postfix_str(f"validation accuracy {values.get('val_accuracy', 0):.3f}")
            self.bar.update()

        def on_train_end(self, logs: dict[str, float] | None = None) -> None:
            self.bar.close()

    return Progress()
