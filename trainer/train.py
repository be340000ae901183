"""One training run, from a folder of photographs to a folder of results."""

import csv
import platform
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from edge.bundle import Photographs
from edge.errors import InputError
from edge.figures import Figures
from trainer.dataset import Dataset, load_test_set, load_training_set
from trainer.evaluate import choose_thresholds, figures_of, predict_logits
from trainer.fit import FitSettings, fit
from trainer.models.registry import MODELS
from trainer.plots import plot_confusion, plot_history
from trainer.run import MODEL_FILE, RUN_FILE, FileLabel, Run, RunResults, read_run, write_run
from trainer.split import random_split


@dataclass(frozen=True)
class TrainSettings:
    """What `trainer train` was asked for."""

    task: str = "auto"
    ok_class: str | None = None
    model: str = "default"
    size: int = 128
    validation_share: float = 0.2
    fit: FitSettings = field(default_factory=FitSettings)


def train(data: Path, out: Path, settings: TrainSettings, *, test: Path | None = None) -> Run:
    """Learn from ``data`` and write the run to ``out``; raises InputError before anything is written."""
    import keras

    _refuse_foreign_folder(out)
    dataset = load_training_set(data, task=settings.task, ok_class=settings.ok_class, size=settings.size)
    test_set = _test_set(test, dataset) if test is not None else None
    started = time.monotonic()
    keras.utils.set_random_seed(settings.fit.seed)
    positions, validation = random_split(
        dataset.photographs, share=settings.validation_share, seed=settings.fit.seed
    )
    outputs = 1 if dataset.task == "binary" else len(dataset.classes)
    model = MODELS[settings.model](dataset.spec.height, dataset.spec.width, dataset.spec.channels, outputs)
    with tempfile.TemporaryDirectory(prefix="linegate-") as folder:
        history = fit(
            model,
            dataset.pixels,
            dataset.labels,
            train=positions,
            validation=validation,
            task=dataset.task,
            settings=settings.fit,
            checkpoint=Path(folder) / "best.weights.h5",
        )
    seconds = time.monotonic() - started
    held_back = subset(dataset, validation)
    logits = predict_logits(model, held_back.pixels)
    ok_index = None if dataset.ok_class is None else dataset.classes.index(dataset.ok_class)
    thresholds = choose_thresholds(logits, held_back.labels, task=dataset.task, ok_index=ok_index)
    figures = figures_of(held_back, logits, thresholds)
    test_figures: Figures | None = None
    if test_set is not None:
        test_figures = figures_of(test_set, predict_logits(model, test_set.pixels), thresholds)
    share = round(100 * settings.validation_share)
    run = Run(
        task=dataset.task,
        classes=dataset.classes,
        ok_class=dataset.ok_class,
        input=dataset.spec,
        thresholds=thresholds,
        model_name=settings.model,
        data=str(data.resolve()),
        photographs=_photographs(dataset, positions, validation),
        train=_files(dataset, positions),
        validation=_files(dataset, validation),
        left_out=dataset.left_out,
        split=f"random, {100 - share}:{share}, seed {settings.fit.seed}",
        training={
            **asdict(settings.fit),
            "seconds": round(seconds, 1),
            "epochs_run": len(history["loss"]),
            "parameters": int(model.count_params()),
        },
        versions=_versions(),
        results=RunResults(validation=figures, test=test_figures),
    )
    try:
        _write(out, run, model, history)
    except OSError as error:
        raise InputError(f"--out {out}: cannot be written ({error.strerror})") from error
    return run


def evaluate(run_folder: Path, data: Path) -> Figures:
    """Figures of a run on other photographs; raises InputError."""
    import keras

    run = read_run(run_folder)
    dataset = load_test_set(data, task=run.task, classes=run.classes, ok_class=run.ok_class, spec=run.input)
    try:
        model = keras.saving.load_model(run_folder / MODEL_FILE, compile=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{run_folder / MODEL_FILE}: not a model that Keras can load") from error
    return figures_of(dataset, predict_logits(model, dataset.pixels), run.thresholds)


def subset(dataset: Dataset, positions: Sequence[int] | np.ndarray) -> Dataset:
    """The photographs at these positions."""
    return Dataset(
        dataset.root,
        dataset.task,
        dataset.classes,
        dataset.ok_class,
        dataset.spec,
        [dataset.photographs[int(position)] for position in positions],
        dataset.pixels[positions],
        {},
    )


def _test_set(folder: Path, dataset: Dataset) -> Dataset:
    return load_test_set(
        folder, task=dataset.task, classes=dataset.classes, ok_class=dataset.ok_class, spec=dataset.spec
    )


def _refuse_foreign_folder(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {out}: is a file; a folder would be right")
    if out.is_dir() and any(out.iterdir()) and not (out / RUN_FILE).exists():
        raise InputError(f"--out {out}: holds other files; an empty or new folder would be right")


def _photographs(dataset: Dataset, train: np.ndarray, validation: np.ndarray) -> Photographs:
    def counts(positions: np.ndarray) -> dict[str, int]:
        return dict(Counter(dataset.photographs[int(position)].label for position in positions))

    return Photographs(train=counts(train), validation=counts(validation), fingerprint=dataset.fingerprint())


def _files(dataset: Dataset, positions: np.ndarray) -> list[FileLabel]:
    chosen = [dataset.photographs[int(position)] for position in positions]
    return [FileLabel(file=photograph.file, label=photograph.label) for photograph in chosen]


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in ("linegate", "tensorflow", "keras", "numpy", "opencv-python-headless"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "source"
    return found


def _write(out: Path, run: Run, model: object, history: dict[str, list[float]]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    (out / RUN_FILE).unlink(missing_ok=True)
    model.save(out / MODEL_FILE)  # type: ignore[attr-defined]
    with (out / "history.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["epoch", *history])
        writer.writerows(
            [epoch, *values] for epoch, values in enumerate(zip(*history.values(), strict=True), 1)
        )
    plot_history(history, out)
    plot_confusion(run.results.validation, out / "confusion.png")
    write_run(out, run)
