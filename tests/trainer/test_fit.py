"""A training: the same from the same seed, killed or not; from pixels that do not fit into memory."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.core.errors import InputError
from tests.trainer.makers import make_dataset, spots
from trainer import fit as module
from trainer.dataset import Photograph
from trainer.fit import FitSettings, Records, fit, usual_epochs
from trainer.learners.gradient import GradientLearner

SETTINGS = FitSettings(epochs=3, batch_size=16, patience=3)
TRAIN, VALIDATION = np.arange(64), np.arange(64, 96)


def build_tiny() -> Any:
    """All that has a state: weights, statistics, dropout."""
    from keras import Sequential, layers

    return Sequential(
        [
            layers.Input((32, 32, 1)),
            layers.Conv2D(8, 5, strides=2),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.GlobalAveragePooling2D(),
            layers.Dropout(0.1),
            layers.Dense(1),
        ],
        name="tiny",
    )


class Killed(BaseException):
    """As sudden as a signal."""


def learn(folder: Path, settings: FitSettings = SETTINGS, **changes: Any) -> tuple[list[np.ndarray], Any]:
    import keras

    keras.utils.set_random_seed(1)
    network = build_tiny()
    dataset = replace(make_dataset(*spots(96)), **changes)
    history = fit(
        network, dataset, train=TRAIN, validation=VALIDATION, settings=settings, records=Records(folder)
    )
    return network.get_weights(), history


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[np.ndarray], Any]:
    return learn(tmp_path_factory.mktemp("whole"))


def same(first: list[np.ndarray], second: list[np.ndarray]) -> bool:
    return all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))


@pytest.fixture
def killed_after_two_epochs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    epochs = iter(range(2))

    def run_epoch(self: Any, bar: Any) -> None:
        if next(epochs, None) is None:
            raise Killed
        original(self, bar)

    original = module._Course.run_epoch
    with monkeypatch.context() as patch:
        patch.setattr(module._Course, "run_epoch", run_epoch)
        with pytest.raises(Killed):
            learn(tmp_path)
    return tmp_path


def count_epochs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    run: list[int] = []
    original = module._Course.run_epoch

    def run_epoch(self: Any, bar: Any) -> None:
        run.append(self.epochs)
        original(self, bar)

    monkeypatch.setattr(module._Course, "run_epoch", run_epoch)
    return run


def test_two_runs_give_the_same_weights(uninterrupted: Any, tmp_path: Path) -> None:
    weights, history = learn(tmp_path)
    assert history == uninterrupted[1]
    assert same(weights, uninterrupted[0])


def test_a_killed_training_goes_on_as_if_nothing_had_been(
    uninterrupted: Any, killed_after_two_epochs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = count_epochs(monkeypatch)
    weights, history = learn(killed_after_two_epochs)
    assert run == [2]
    assert history == uninterrupted[1]
    assert same(weights, uninterrupted[0])


@pytest.mark.parametrize(
    ("settings", "changes"),
    [
        (replace(SETTINGS, learning_rate=1e-3), {}),
        (replace(SETTINGS, seed=2), {}),
        (SETTINGS, {"photographs": [Photograph(f"{n}.png", "ok", "other") for n in range(96)]}),
    ],
)
def test_a_checkpoint_of_another_training_is_not_used(
    killed_after_two_epochs: Path,
    settings: FitSettings,
    changes: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = count_epochs(monkeypatch)
    learn(killed_after_two_epochs, settings, **changes)
    assert run == [0, 1, 2]


def test_a_damaged_checkpoint_is_not_used(
    killed_after_two_epochs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (file,) = killed_after_two_epochs.iterdir()
    file.write_bytes(file.read_bytes()[:1000])
    run = count_epochs(monkeypatch)
    learn(killed_after_two_epochs)
    assert run == [0, 1, 2]


class OnlyByRows:
    """Pixels larger than memory: a few rows at a time, or none."""

    def __init__(self, pixels: np.ndarray) -> None:
        self._pixels, self.shape = pixels, pixels.shape

    def __len__(self) -> int:
        return len(self._pixels)

    def __getitem__(self, positions: np.ndarray) -> np.ndarray:
        assert len(positions) <= 64
        return np.asarray(self._pixels[positions])

    def __array__(self, *_: object) -> np.ndarray:
        raise MemoryError

    def __iter__(self) -> Iterator[np.ndarray]:
        raise MemoryError


def test_pixels_are_read_by_batches_and_never_as_a_whole(uninterrupted: Any, tmp_path: Path) -> None:
    weights, _ = learn(tmp_path, pixels=OnlyByRows(spots(96)[0]))
    assert same(weights, uninterrupted[0])


def test_a_learner_never_reads_them_as_a_whole_either(tmp_path: Path) -> None:
    pixels: Any = OnlyByRows(spots(96)[0])
    dataset = replace(make_dataset(*spots(96)), pixels=pixels)
    learner = GradientLearner(
        dataset, lambda *_: build_tiny(), replace(SETTINGS, epochs=1), Records(tmp_path)
    )
    assert learner.learn(TRAIN, VALIDATION).held_out.shape == (32, 1)


def test_learning_stops_when_it_gets_no_better_and_keeps_the_best(tmp_path: Path) -> None:
    settings = replace(SETTINGS, epochs=40, patience=2)
    chance = np.random.default_rng(1).permutation(96) % 2
    nothing_to_learn = [Photograph(f"{n}.png", ("ok", "defect")[label], "") for n, label in enumerate(chance)]
    _, history = learn(tmp_path, settings, photographs=nothing_to_learn)
    losses = history["val_loss"]
    assert len(losses) < 40
    assert int(np.argmin(losses)) == len(losses) - 1 - settings.patience


def test_tensorboard_finds_the_curves(tmp_path: Path) -> None:
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(1)
    fit(
        build_tiny(),
        make_dataset(*spots(96)),
        train=TRAIN,
        validation=VALIDATION,
        settings=SETTINGS,
        records=Records(tmp_path / "checkpoint", tmp_path / "tensorboard"),
    )
    (file,) = (tmp_path / "tensorboard").rglob("events*")
    values = [
        (value.tag, event.step)
        for event in tf.compat.v1.train.summary_iterator(str(file))
        for value in event.summary.value
    ]
    assert set(values) == {
        (name, step) for name in ("loss", "accuracy", "val_loss", "val_accuracy") for step in (1, 2, 3)
    }


def test_a_full_disk_is_one_line_and_leaves_no_half_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: Any, **_: Any) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(InputError, match="cannot be written \\(No space left on device\\)"):
        learn(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("steps", "epochs"), [(25, 40), (165, 14), (5000, 10)])
def test_many_photographs_are_seen_in_fewer_epochs(steps: int, epochs: int) -> None:
    assert usual_epochs(steps) == epochs
