"""Learning by gradient descent: balanced batches, a schedule, averaged weights, early stopping."""

import json
import math
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from edge.core.decision import Task, has_one_logit
from edge.core.errors import InputError
from edge.core.preprocess import PIXEL_STEP, PIXEL_ZERO, to_network_input
from trainer.augment import KINDS, augment
from trainer.batches import balanced_plan, read_ahead
from trainer.checkpoint import Checkpoint, fingerprint, read_checkpoint, write_checkpoint
from trainer.dataset import Dataset
from trainer.head import balanced_weights
from trainer.learners.learner import Positions

History = dict[str, list[float]]
# Images, targets and outputs of a network to the loss of each image and whether it is right, both (N,).
Judge = Callable[[Any, Any, Any], tuple[Any, Any]]
_PREDICTED_AT_ONCE = 64
_MOST_EPOCHS, _FEWEST_EPOCHS, _USUAL_STEPS = 40, 10, 2400
_FEWEST_STEPS = 25  # an epoch: a hundred photographs are shown several times in one
_NEAR = 0.1  # of the 2 from black to white


@dataclass(frozen=True)
class FitSettings:
    """Settings of learning.

    Without ``epochs`` there are as many as their steps allow. ``patience`` counts epochs without a
    better validation loss; ``warm_up`` is a share of all steps; ``averaging`` the weight of the past in
    the mean of the weights at each step; ``augment`` the kinds of random changes.
    """

    epochs: int | None = None
    batch_size: int = 32
    learning_rate: float = 2e-3
    warm_up: float = 0.05
    averaging: float = 0.99
    patience: int = 10
    seed: int = 1
    augment: tuple[str, ...] = KINDS


@dataclass(frozen=True)
class Records:
    """Where a training is kept: ``checkpoints`` to go on from, ``tensorboard`` for its curves, if wanted."""

    checkpoints: Path
    tensorboard: Path | None = None


def fit(
    network: Any,
    dataset: Dataset,
    *,
    train: Positions,
    validation: Positions,
    settings: FitSettings,
    records: Records,
) -> History:
    """Train a Keras network in place, and leave it with its best weights; returns the history by epoch.

    Goes on where a killed training of the same photographs, settings and first weights was; with the
    same number of threads the weights are then those of one that was not killed. The pixels are read
    batch by batch. Raises InputError where the records cannot be written, or no number comes of it.
    """
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()
    course = _Course(network, dataset, train, validation, settings)
    name = fingerprint(
        [json.dumps(asdict(settings)), network.name, dataset.fingerprint(), dataset.spec, dataset.classes],
        [dataset.groups.numbers, train, validation, *network.get_weights()],
    )
    checkpoint = records.checkpoints / f"{name}.npz"
    course.restore(read_checkpoint(checkpoint, course.arrays()))
    write = _curves(records.tensorboard / name[:8]) if records.tensorboard is not None else None
    with _progress(course) as bar:
        while not course.is_over:
            course.run_epoch(bar)
            write_checkpoint(checkpoint, Checkpoint(course.arrays(), course.history))
            if write is not None:
                write(course.history)
    network.set_weights(course.best)
    return course.history


class _Course:
    """A training under way.

    Everything that decides how it goes on is in ``arrays()`` and ``history``, or follows from the
    seed and the number of the epoch.
    """

    def __init__(
        self, network: Any, dataset: Dataset, train: Positions, validation: Positions, settings: FitSettings
    ) -> None:
        import keras

        self._network, self._dataset, self._settings = network, dataset, settings
        self._train, self._validation = train, validation
        self._labels, self._groups = dataset.labels, dataset.groups.numbers
        self._judge = _JUDGES[dataset.task]
        self.steps = max(_FEWEST_STEPS, -(-len(train) // settings.batch_size))
        self.planned = settings.epochs or usual_epochs(self.steps)
        self._averaged = keras.models.clone_model(network)
        self._averaged.set_weights(network.get_weights())
        self._optimizer = keras.optimizers.Adam(_schedule(settings, self.steps * self.planned))
        self._optimizer.build(network.trainable_variables)
        self._step = _make_step(network, self._averaged, self._optimizer, settings, self._judge)
        self._decide = _make_decide(self._averaged)
        self.best: list[NDArray[Any]] = network.get_weights()
        self.history: History = {"loss": [], "accuracy": [], "val_loss": [], "val_accuracy": []}

    @property
    def epochs(self) -> int:
        """The number of epochs that are done."""
        return len(self.history["loss"])

    @property
    def is_over(self) -> bool:
        """True if all epochs are done, or too many went by without a better one."""
        losses = self.history["val_loss"]
        waited = len(losses) - 1 - int(np.argmin(losses)) if losses else 0
        return self.epochs >= self.planned or waited >= self._settings.patience

    def arrays(self) -> list[NDArray[Any]]:
        """Copies of all variables, and the best weights so far."""
        return [variable.numpy() for variable in self._variables()] + self.best

    def restore(self, checkpoint: Checkpoint | None) -> None:
        """Go on from there."""
        if checkpoint is None:
            return
        variables = self._variables()
        for variable, array in zip(variables, checkpoint.arrays, strict=False):
            variable.assign(array)
        self.best, self.history = checkpoint.arrays[len(variables) :], checkpoint.history

    def run_epoch(self, bar: Any) -> None:
        """Learn for one epoch, and look at the validation images."""
        loss, accuracy = self._learn(bar)
        validation_loss, validation_accuracy = self._validate()
        if not math.isfinite(loss + validation_loss):
            raise InputError(f"learning failed: the loss of epoch {self.epochs + 1} is not a number")
        if validation_loss < min(self.history["val_loss"], default=math.inf):
            self.best = self._averaged.get_weights()
        values = (loss, accuracy, validation_loss, validation_accuracy)
        for series, value in zip(self.history.values(), values, strict=True):
            series.append(value)
        bar.set_postfix_str(f"validation accuracy {validation_accuracy:.3f}")

    def _variables(self) -> list[Any]:
        return [*self._network.variables, *self._averaged.weights, *self._optimizer.variables]

    def _learn(self, bar: Any) -> tuple[float, float]:
        import tensorflow as tf

        train, generator = self._train, np.random.default_rng([self._settings.seed, self.epochs])
        plan = balanced_plan(
            self._labels[train],
            self._groups[train],
            steps=self.steps,
            batch_size=self._settings.batch_size,
            generator=generator,
        )
        seeds = generator.integers(2**30, size=(len(plan), 2), dtype=np.int32)
        found = []
        batches = read_ahead(self._dataset.pixels, [train[positions] for positions in plan])
        for (positions, pixels), seed in zip(batches, seeds, strict=True):
            found.append(self._step(tf.constant(pixels), self._targets(positions), tf.constant(seed)))
            bar.update()
        loss, accuracy = np.mean([[float(value) for value in pair] for pair in found], axis=0)
        return float(loss), float(accuracy)

    def _validate(self) -> tuple[float, float]:
        """Loss and accuracy; classes weigh the same in the loss, and groups within a class."""
        import tensorflow as tf

        validation, size = self._validation, _PREDICTED_AT_ONCE
        plan = [validation[start : start + size] for start in range(0, len(validation), size)]
        found = []
        for positions, pixels in read_ahead(self._dataset.pixels, plan):
            images = tf.constant(to_network_input(pixels))
            found.append(self._judge(images, self._targets(positions), self._decide(images)))
        columns = zip(*found, strict=True)
        losses, right = (np.concatenate([value.numpy() for value in column]) for column in columns)
        weights = balanced_weights(self._labels[validation], self._groups[validation])
        return float((losses * weights).mean()), float(right.mean())

    def _targets(self, positions: Positions) -> Any:
        import tensorflow as tf

        labels = self._labels[positions]
        if has_one_logit(self._dataset.task):
            return tf.constant(labels.astype(np.float32)[:, np.newaxis])
        return tf.one_hot(labels, self._dataset.outputs)


def usual_epochs(steps: int) -> int:
    """So many that a large folder takes about as long as a small one: minutes, not hours."""
    return max(_FEWEST_EPOCHS, min(_MOST_EPOCHS, _USUAL_STEPS // steps))


def _schedule(settings: FitSettings, steps: int) -> Any:
    """A linear warm-up, then a cosine: Loshchilov and Hutter 2017, "SGDR" (arXiv:1608.03983)."""
    from keras.optimizers.schedules import CosineDecay

    warm_up = max(1, round(settings.warm_up * steps))
    return CosineDecay(
        0.0,
        max(1, steps - warm_up),
        alpha=0.01,
        warmup_target=settings.learning_rate,
        warmup_steps=warm_up,
    )


def _make_step(network: Any, averaged: Any, optimizer: Any, settings: FitSettings, judge: Judge) -> Any:
    """One step on a batch: uint8 pixels, targets and seed to the mean loss and accuracy.

    ``averaged`` follows the weights as a running mean: Polyak and Juditsky 1992 (SIAM J. Control
    Optim. 30), with the past forgotten, and quickly so in the beginning.
    """
    import tensorflow as tf

    def step(pixels: Any, targets: Any, seed: Any) -> tuple[Any, Any]:
        images = (tf.cast(pixels, tf.float32) - PIXEL_ZERO) * PIXEL_STEP
        if settings.augment:
            images = augment(images, seed, settings.augment)
        with tf.GradientTape() as tape:
            losses, right = judge(images, targets, network(images, training=True))
            loss = tf.reduce_mean(losses)
        variables = network.trainable_variables
        optimizer.apply(tape.gradient(loss, variables), variables)
        done = tf.cast(optimizer.iterations, tf.float32)
        past = tf.minimum(settings.averaging, done / (10.0 + done))
        for mean, weight in zip(averaged.weights, network.weights, strict=True):
            mean.assign(past * mean + (1 - past) * weight)
        return loss, tf.reduce_mean(tf.cast(right, tf.float32))

    return tf.function(step)


def _make_decide(network: Any) -> Any:
    import tensorflow as tf

    shape = tf.TensorSpec(network.input_shape, tf.float32)
    return tf.function(lambda images: network(images, training=False), input_signature=[shape])


def _judge_defect(_images: Any, targets: Any, logits: Any) -> tuple[Any, Any]:
    """The cross-entropy, and what a probability of one half would say."""
    import tensorflow as tf

    losses = tf.nn.sigmoid_cross_entropy_with_logits(targets, logits)[:, 0]
    return losses, tf.equal(logits[:, 0] > 0, targets[:, 0] > 0.5)


def _judge_class(_images: Any, targets: Any, logits: Any) -> tuple[Any, Any]:
    """The cross-entropy, and whether the likeliest class is the right one."""
    import tensorflow as tf

    losses = tf.nn.softmax_cross_entropy_with_logits(targets, logits)
    return losses, tf.equal(tf.argmax(logits, 1), tf.argmax(targets, 1))


def _judge_drawing(images: Any, _targets: Any, drawn: Any) -> tuple[Any, Any]:
    """The mean squared error of an image drawn again, and the share of its pixels that come near."""
    import tensorflow as tf

    error = images - drawn
    near = tf.cast(tf.abs(error) < _NEAR, tf.float32)
    return tf.reduce_mean(error**2, axis=[1, 2, 3]), tf.reduce_mean(near, axis=[1, 2, 3])


_JUDGES: dict[Task, Judge] = {"binary": _judge_defect, "classes": _judge_class, "anomaly": _judge_drawing}


def _progress(course: _Course) -> Any:
    """One bar over all steps, with the time that is left if no early stop cuts it short."""
    total, done = course.steps * course.planned, course.steps * course.epochs
    return tqdm(total=total, initial=done, desc="training", unit="step", mininterval=1, file=sys.stderr)


def _curves(folder: Path) -> Callable[[History], None]:
    """Writes the last epoch of a history as TensorBoard reads it."""
    import tensorflow as tf

    writer = tf.summary.create_file_writer(str(folder))
    scalars = tf.compat.v1.SummaryMetadata()
    scalars.plugin_data.plugin_name = "scalars"

    def write(history: History) -> None:
        with writer.as_default():
            for name, values in history.items():
                tf.summary.write(name, tf.constant(values[-1]), step=len(values), metadata=scalars)
        writer.flush()

    return write
