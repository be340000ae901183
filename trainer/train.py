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
from edge.core.errors import InputError
from edge.core.files import folder_to_fill
from edge.core.photographs.census import Census
from edge.core.photographs.layouts import Layout, read_layout, refuse_inside
from edge.core.words import counted
from trainer.audit.probes import probe_dataset
from trainer.augmentation_check import warn_of_harmful_augmentations
from trainer.cross_validation import choose_thresholds, cross_validate, decide_on, judge, threshold_rule
from trainer.dataset import SQUARE, Dataset, load_test_set, load_training_set
from trainer.evaluation import Decisions, evaluate_decisions, metrics_of
from trainer.files import count_files
from trainer.fit import Records
from trainer.groups import COPIES, NONE
from trainer.input_size import Size
from trainer.kept import CHECKPOINTS
from trainer.learners.choose import choose_learner
from trainer.learners.learner import Learned, Learner, Positions
from trainer.locating import PROPOSE, Gain, measure_locating, proposals
from trainer.models.heatmap import with_heatmap
from trainer.models.registry import FROZEN, SQUARES
from trainer.plots import plot_confusion, plot_history
from trainer.report.run_page import REPORT_FILE, Judged, write_report
from trainer.run import MODEL_FILE, RUN_FILE, FileLabel, HeldOutFile, Run, RunResults, write_run
from trainer.settings import TrainSettings
from trainer.split import split_by_group, spread_over_groups
from trainer.suspects import Suspect, find_suspects

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
        size=_size(settings),
        groups=settings.groups,
        threads=settings.threads,
        locate="none" if settings.locate == PROPOSE else settings.locate,
    )
    _refuse_what_needs_defects(dataset, settings)
    started = time.monotonic()
    chosen = choose_learner(
        dataset, settings, Records(out / CHECKPOINTS, out / TENSORBOARD if settings.tensorboard else None)
    )
    learner, dataset, warnings = chosen.learner, chosen.dataset, chosen.warnings
    test_layout = read_layout(test) if test is not None else layout if layout.of("test") else None
    test_set = _test_set(test_layout, dataset, settings.groups) if test_layout is not None else None
    seed = settings.fit.seed
    positions, validation = _split(dataset, settings)
    shortcuts = probe_dataset(dataset, positions, validation)
    if learner.augments_classes:
        warnings = warnings + warn_of_harmful_augmentations(
            dataset, positions, settings.fit.augment, seed=seed
        )
    if not learner.needs_validation:
        positions, validation = np.arange(len(dataset.photographs)), validation[:0]
    folds = cross_validate(learner, dataset, settings)
    learned = learner.learn(positions, validation)
    rule = threshold_rule(dataset, settings, by_validation=learner.needs_validation)
    thresholds = choose_thresholds(learned, dataset, rule)
    gains = _gains_by_locating(learner, dataset, positions, settings)
    warnings = [*dataset.warnings, *(test_set.warnings if test_set is not None else []), *warnings]
    warnings += proposals(gains)
    seconds = time.monotonic() - started
    judged_at, found = judge(learned, dataset, validation, rule, thresholds)
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
        photographs=_photographs(dataset, learned, positions, judged_at),
        train=_files(dataset, _learned_from(dataset, positions)),
        held_out=_held_out_files(dataset, judged_at, found),
        held_out_are=learned.held_out_are,
        left_out=dataset.left_out if test_set is None else {**dataset.left_out, **test_set.left_out},
        files=_count_files(layout, dataset, test_layout, test_set),
        split=_split_in_words(dataset, settings, learned),
        warnings=warnings,
        suspects=_suspects(dataset, judged_at, found),
        shortcuts=shortcuts,
        tried=chosen.tried,
        learning_curve=learned.curve,
        training={
            **learned.method,
            "chosen": chosen.why,
            "locating": [str(gain) for gain in gains],
            "seconds": round(seconds, 1),
            "parameters": int(learned.network.count_params()),
        },
        versions=_versions(),
        results=RunResults(
            held_out=metrics_of(found),
            held_out_details=evaluate_decisions(found, thresholds, settings.costs),
            folds=folds,
            test=metrics_of(tested) if tested is not None else None,
            test_details=evaluate_decisions(tested, thresholds, settings.costs) if tested else None,
        ),
    )
    try:
        complete = _with_heatmap(learned, dataset, positions, seed=seed)
        judged = Judged(dataset.subset(judged_at), complete, found)
        also = Judged(test_set, complete, tested) if test_set is not None and tested is not None else None
        write_run_folder(out, run, learned, complete, judged, also)
    except OSError as error:
        raise InputError(f"--out {out}: cannot be written ({error.strerror or error})") from error
    return run


def _gains_by_locating(
    learner: Learner, dataset: Dataset, train: Positions, settings: TrainSettings
) -> list[Gain]:
    if settings.locate != PROPOSE or learner.features is None:
        return []
    return measure_locating(
        learner.features, dataset, train, seed=settings.fit.seed, threads=settings.threads
    )


def _size(settings: TrainSettings) -> Size | None:
    """The size to read photographs at; None where their own shape says it."""
    if settings.size is not None:
        return settings.size
    if settings.model in FROZEN and settings.model not in SQUARES:
        return None
    side = SQUARES.get(settings.model, SQUARE)
    return Size(side, side)


def _split(dataset: Dataset, settings: TrainSettings) -> tuple[Positions, Positions]:
    return split_by_group(
        dataset.labels,
        dataset.groups.numbers,
        share=settings.validation_share,
        seed=settings.fit.seed,
        classes=dataset.classes,
        alone=dataset.alone,
    )


def _learned_from(dataset: Dataset, positions: Positions) -> Positions:
    """Of what may be learned from, what is: OK parts alone for anomalies."""
    if dataset.alone is None:
        return positions
    return np.asarray(positions[dataset.labels[positions] == dataset.alone])


def _suspects(dataset: Dataset, at: Positions, found: Decisions) -> list[Suspect]:
    """Photographs likely mislabelled, of those of which a model that never saw their part has a say.

    None for anomalies: what looks like OK parts to a model that knows no defects may well be one.
    """
    if dataset.task == "anomaly":
        return []
    suspects = []
    for position in find_suspects(found.labels, found.probabilities):
        said, rather = found.probabilities[position], int(found.probabilities[position].argmax())
        photograph = dataset.photographs[int(at[position])]
        suspects.append(
            Suspect(
                file=photograph.file,
                label=photograph.label,
                rather=dataset.classes[rather],
                label_probability=float(said[found.labels[position]]),
                rather_probability=float(said[rather]),
            )
        )
    return suspects


def _test_set(layout: Layout, dataset: Dataset, groups: str) -> Dataset:
    return load_test_set(
        layout,
        dataset,
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


def _split_in_words(dataset: Dataset, settings: TrainSettings, learned: Learned) -> str:
    groups = dataset.groups
    by_part = f"by part ({groups.count} groups of {len(dataset.photographs)} images: {groups.by})"
    by = "random" if settings.groups == NONE else by_part
    if learned.fold_of is not None:
        return f"held out in turn {by}, {int(learned.fold_of.max()) + 1} turns, seed {settings.fit.seed}"
    share = round(100 * settings.validation_share)
    return f"{by}, {100 - share}:{share}, seed {settings.fit.seed}"


def _refuse_what_needs_defects(dataset: Dataset, settings: TrainSettings) -> None:
    if dataset.task == "anomaly" and (settings.costs is not None or settings.max_escape_rate is not None):
        raise InputError(
            "--escape-cost and --max-escape-rate need defective parts to learn from, and --task anomaly "
            "takes none; expected --max-overkill-rate, or --task binary"
        )


def _refuse_foreign_folder(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {out}: is a file; expected a folder")
    ours = {RUN_FILE, CHECKPOINTS, TENSORBOARD}
    names = {path.name for path in out.iterdir()} if out.is_dir() else set()
    if names and not names & ours:
        raise InputError(f"--out {out}: holds other files; expected an empty or new folder")


def _photographs(dataset: Dataset, learned: Learned, train: Positions, held_out: Positions) -> Photographs:
    def counts(positions: Positions) -> dict[str, int]:
        return dict(Counter(dataset.photographs[int(position)].label for position in positions))

    return Photographs(
        train=counts(_learned_from(dataset, train)),
        validation=counts(held_out),
        held_out_in_turn=learned.fold_of is not None,
        fingerprint=dataset.fingerprint(),
    )


def _files(dataset: Dataset, positions: Positions) -> list[FileLabel]:
    chosen = [(dataset.photographs[int(p)], int(dataset.groups.numbers[p])) for p in positions]
    return [
        FileLabel(file=photograph.file, label=photograph.label, group=group) for photograph, group in chosen
    ]


def _held_out_files(dataset: Dataset, positions: Positions, found: Decisions) -> list[HeldOutFile]:
    likeliest = found.probabilities.argmax(axis=1)
    return [
        HeldOutFile(
            **item.model_dump(),
            score=float(found.scores[number]),
            verdict=found.verdicts[number],
            predicted=dataset.classes[int(likeliest[number])],
        )
        for number, item in enumerate(_files(dataset, positions))
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
    """The network that is saved, with a map of where the defect is if it can say that."""
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


def write_run_folder(
    out: Path, run: Run, learned: Learned, network: Any, judged: Judged, tested: Judged | None
) -> None:
    """All of the run or nothing of it, beside the checkpoints until it is whole."""
    part = out / CHECKPOINTS / "run"
    with folder_to_fill(part):
        try:
            write_files(part, run, learned, network, judged, tested)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
    (out / RUN_FILE).unlink(missing_ok=True)
    for file in sorted(part.iterdir(), key=lambda file: file.name == RUN_FILE):
        file.replace(out / file.name)
    shutil.rmtree(out / CHECKPOINTS, ignore_errors=True)


def write_files(
    out: Path, run: Run, learned: Learned, network: Any, judged: Judged, tested: Judged | None
) -> None:
    """All that belongs to a run, into an empty folder."""
    network.save(out / MODEL_FILE)
    with (out / "history.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([learned.steps_are, *learned.history])
        rows = zip(*learned.history.values(), strict=True)
        writer.writerows([step, *values] for step, values in enumerate(rows, 1))
    plot_history(learned.history, out, steps_are=learned.steps_are)
    plot_confusion(run.results.held_out, out / "confusion.png")
    write_report(out / REPORT_FILE, run, judged, tested, learned.history, learned.steps_are)
    write_run(out, run)
