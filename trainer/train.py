"""One training run, from labelled photographs to a folder of results."""

import csv
import platform
import shutil
import sys
import time
from collections import Counter
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from edge.core.bundle.bundle import Photographs
from edge.core.decision import class_probabilities
from edge.core.errors import InputError
from edge.core.photographs.census import Census
from edge.core.photographs.layouts import Layout, read_layout, refuse_inside
from edge.core.words import counted
from trainer.audit.probes import probe_dataset
from trainer.dataset import Dataset, load_test_set, load_training_set
from trainer.dependence import warn_of_dependence
from trainer.evaluation import Decisions, evaluate_decisions, figures_of
from trainer.files import count_files
from trainer.fit import Records
from trainer.groups import COPIES, NONE
from trainer.kept import CHECKPOINTS
from trainer.learners.choose import choose_learner
from trainer.learners.gradient import GradientLearner
from trainer.learners.head import HeadLearner
from trainer.learners.learner import Learned, Learner, Positions
from trainer.locating import PROPOSE, Gain, measure_locating, proposals
from trainer.models.heatmap import with_heatmap
from trainer.plots import plot_confusion, plot_history
from trainer.report.run_page import REPORT_FILE, Judged, write_report
from trainer.run import MODEL_FILE, RUN_FILE, FileLabel, Run, RunResults, write_run
from trainer.settings import TrainSettings
from trainer.split import split_by_group, spread_over_groups
from trainer.suspects import Suspect, find_suspects
from trainer.validate import choose_thresholds, cross_validate, decide_on, threshold_rule

TENSORBOARD = "tensorboard"
_MAP_FROM = 300  # photographs of OK parts, and as many of others, that show what a heatmap may expect


def train(data: Path, out: Path, settings: TrainSettings, *, test: Path | None = None) -> Run:
    """Learn from ``data`` and write the run to ``out``; raises InputError, and then ``out`` is no run.

    What a checkpoint holds of the same training, killed before, is not learned again.
    """
    for folder in (data, test):
        if folder is not None:
            refuse_inside(out, folder, "--out")
    _refuse_foreign_folder(out)
    layout = read_layout(data)
    if sys.stderr.isatty():  # as with progress; programs find it in the result
        images = counted(len(layout.items), "image")
        tqdm.write(f"{images}, laid out as {layout.recognised}", file=sys.stderr)
    dataset = load_training_set(
        layout,
        task=settings.task,
        ok_class=settings.ok_class,
        size=settings.size,
        groups=settings.groups,
        threads=settings.threads,
        locate="none" if settings.locate == PROPOSE else settings.locate,
    )
    test_layout = read_layout(test) if test is not None else layout if layout.of("test") else None
    test_set = _test_set(test_layout, dataset, settings.groups) if test_layout is not None else None
    labels, groups, seed = dataset.labels, dataset.groups.numbers, settings.fit.seed
    positions, validation = split_by_group(
        labels,
        groups,
        share=settings.validation_share,
        seed=seed,
        classes=dataset.classes,
        alone=dataset.alone,
    )
    _refuse_what_needs_defects(dataset, settings)
    started = time.monotonic()
    learner, warnings = choose_learner(
        dataset,
        settings.model,
        weights=settings.weights,
        fit=settings.fit,
        records=Records(out / CHECKPOINTS, out / TENSORBOARD if settings.tensorboard else None),
        threads=settings.threads,
    )
    if isinstance(learner, GradientLearner):
        warnings = warnings + warn_of_dependence(dataset, positions, settings.fit.augment, seed=seed)
    folds = cross_validate(learner, dataset, settings)
    learned = learner.learn(positions, validation)
    rule = threshold_rule(dataset, settings, by_validation=learner.needs_validation)
    thresholds = choose_thresholds(learned, dataset, rule)
    gains = _gains_by_locating(learner, dataset, positions, settings)
    warnings = [*dataset.warnings, *(test_set.warnings if test_set is not None else []), *warnings]
    warnings += proposals(gains)
    seconds = time.monotonic() - started
    held_back = dataset.subset(validation)
    found = decide_on(held_back, learned, thresholds)
    tested = decide_on(test_set, learned, thresholds) if test_set is not None else None
    run = Run(
        task=dataset.task,
        classes=dataset.classes,
        ok_class=dataset.ok_class,
        input=dataset.spec,
        thresholds=thresholds,
        threshold_rule=rule,
        costs=settings.costs,
        model_name=str(learned.network.name),
        data=str(layout.root.resolve()),
        layout=layout.recognised,
        photographs=_photographs(dataset, positions, validation),
        train=_files(dataset, positions),
        validation=_files(dataset, validation),
        left_out=dataset.left_out if test_set is None else {**dataset.left_out, **test_set.left_out},
        files=_count_files(layout, dataset, test_layout, test_set),
        split=_split_in_words(dataset, settings),
        warnings=warnings,
        suspects=_suspects(dataset, learned, validation, found),
        shortcuts=probe_dataset(dataset, positions, validation),
        training={
            **learned.method,
            "locating": [str(gain) for gain in gains],
            "seconds": round(seconds, 1),
            "parameters": int(learned.network.count_params()),
        },
        versions=_versions(),
        results=RunResults(
            validation=figures_of(found),
            validation_details=evaluate_decisions(found, thresholds, settings.costs),
            folds=folds,
            test=figures_of(tested) if tested is not None else None,
            test_details=evaluate_decisions(tested, thresholds, settings.costs) if tested else None,
        ),
    )
    try:
        complete = _with_heatmap(learned, dataset, positions, seed=seed)
        _write(out, run, learned, complete, Judged(held_back, learned.network, found))
    except OSError as error:
        raise InputError(f"--out {out}: cannot be written ({error.strerror or error})") from error
    return run


def _gains_by_locating(
    learner: Learner, dataset: Dataset, train: Positions, settings: TrainSettings
) -> list[Gain]:
    if settings.locate != PROPOSE or not isinstance(learner, HeadLearner):
        return []
    return measure_locating(learner, dataset, train, seed=settings.fit.seed, threads=settings.threads)


def _suspects(dataset: Dataset, learned: Learned, validation: Positions, found: Decisions) -> list[Suspect]:
    """Photographs likely mislabelled, of all of which a model that never saw their part has a say.

    None for anomalies: what looks like OK parts to a model that knows no defects may well be one.
    """
    if dataset.task == "anomaly":
        return []
    others = ~np.isin(learned.held_out_at, validation)
    at = np.concatenate([learned.held_out_at[others], validation])
    held_out = class_probabilities(learned.held_out[others], dataset.task)
    probabilities = np.concatenate([held_out, found.probabilities])
    labels = dataset.labels[at]
    suspects = []
    for position in find_suspects(labels, probabilities):
        said, rather = probabilities[position], int(probabilities[position].argmax())
        photograph = dataset.photographs[int(at[position])]
        suspects.append(
            Suspect(
                file=photograph.file,
                label=photograph.label,
                rather=dataset.classes[rather],
                label_probability=float(said[labels[position]]),
                rather_probability=float(said[rather]),
            )
        )
    return suspects


def _test_set(layout: Layout, dataset: Dataset, groups: str) -> Dataset:
    return load_test_set(
        layout,
        task=dataset.task,
        classes=dataset.classes,
        ok_class=dataset.ok_class,
        spec=dataset.spec,
        groups=COPIES if groups == COPIES else NONE,  # other groups name the files of the other folder
    )


def _count_files(
    layout: Layout, dataset: Dataset, test_layout: Layout | None, test_set: Dataset | None
) -> Census:
    if test_layout is None or test_set is None:
        return count_files(layout, dataset)
    if test_layout is layout:
        return count_files(layout, dataset, test_set)
    return count_files(layout, dataset) + count_files(test_layout, test_set)


def _split_in_words(dataset: Dataset, settings: TrainSettings) -> str:
    share = round(100 * settings.validation_share)
    shares = f"{100 - share}:{share}, seed {settings.fit.seed}"
    if settings.groups == NONE:
        return f"random, {shares}"
    groups = dataset.groups
    return f"by part ({groups.count} groups of {len(dataset.photographs)} images: {groups.by}), {shares}"


def _refuse_what_needs_defects(dataset: Dataset, settings: TrainSettings) -> None:
    if dataset.task == "anomaly" and (settings.costs is not None or settings.max_escape_rate is not None):
        raise InputError(
            "--escape-cost and --max-escape-rate need defective parts to learn from, and --task anomaly "
            "takes none; --max-overkill-rate, or --task binary, would be right"
        )


def _refuse_foreign_folder(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {out}: is a file; a folder would be right")
    ours = {RUN_FILE, CHECKPOINTS, TENSORBOARD}
    names = {path.name for path in out.iterdir()} if out.is_dir() else set()
    if names and not names & ours:
        raise InputError(f"--out {out}: holds other files; an empty or new folder would be right")


def _photographs(dataset: Dataset, train: np.ndarray, validation: np.ndarray) -> Photographs:
    def counts(positions: np.ndarray) -> dict[str, int]:
        return dict(Counter(dataset.photographs[int(position)].label for position in positions))

    return Photographs(train=counts(train), validation=counts(validation), fingerprint=dataset.fingerprint())


def _files(dataset: Dataset, positions: np.ndarray) -> list[FileLabel]:
    chosen = [(dataset.photographs[int(p)], int(dataset.groups.numbers[p])) for p in positions]
    return [
        FileLabel(file=photograph.file, label=photograph.label, group=group) for photograph, group in chosen
    ]


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in ("linegate", "tensorflow", "keras", "numpy", "opencv-python-headless", "scikit-learn"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "source"
    return found


def _with_heatmap(learned: Learned, dataset: Dataset, train: Positions, *, seed: int) -> Any:
    """What is saved: the network, with a map of where the defect is if it can say that."""
    if learned.evidence is None:
        return learned.network
    is_ok = dataset.labels[train] == dataset.ok_index
    at = np.concatenate(
        [
            spread_over_groups(some, dataset.groups.numbers, most=_MAP_FROM, seed=seed)
            for some in (train[is_ok], train[~is_ok])
        ]
    )
    return with_heatmap(
        learned.network, learned.evidence, dataset.pixels[at], dataset.labels[at] == dataset.ok_index
    )


def _write(out: Path, run: Run, learned: Learned, network: Any, judged: Judged) -> None:
    out.mkdir(parents=True, exist_ok=True)
    (out / RUN_FILE).unlink(missing_ok=True)
    network.save(out / MODEL_FILE)
    with (out / "history.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([learned.steps_are, *learned.history])
        rows = zip(*learned.history.values(), strict=True)
        writer.writerows([step, *values] for step, values in enumerate(rows, 1))
    plot_history(learned.history, out, steps_are=learned.steps_are)
    plot_confusion(run.results.validation, out / "confusion.png")
    write_report(out / REPORT_FILE, run, judged, learned.history, learned.steps_are)
    write_run(out, run)
    shutil.rmtree(out / CHECKPOINTS, ignore_errors=True)
