"""Cross-validation of a learner: parts that it never saw, with the thresholds that it would be given."""

import numpy as np
from numpy.typing import NDArray

from edge.core.decision import Thresholds, class_probabilities, decide, defect_scores
from edge.core.errors import InputError
from edge.core.metrics import Metrics
from edge.core.thresholds import HeldOut, ThresholdRule
from trainer.dataset import Dataset
from trainer.evaluation import Decisions, decisions, joined, metrics_of, with_verdicts
from trainer.learners.learner import Learned, Learner, Positions
from trainer.predict import predict_logits
from trainer.settings import TrainSettings
from trainer.split import folds_by_group, split_by_group

EXPECTED_OVERKILL = 0.01  # of OK parts, where nothing else is asked for and no defect is known


def cross_validate(learner: Learner, dataset: Dataset, settings: TrainSettings) -> list[Metrics]:
    """Figures of each fold by a model that saw none of its parts."""
    if settings.folds == 0:
        return []
    labels, groups = dataset.labels, dataset.groups.numbers
    fold_of = folds_by_group(
        labels,
        groups,
        folds=settings.folds,
        seed=settings.fit.seed,
        classes=dataset.classes,
        alone=dataset.alone,
    )
    found = []
    for fold in range(int(fold_of.max()) + 1):
        unseen = np.flatnonzero(fold_of == fold)
        others = np.flatnonzero(fold_of != fold)
        train, stop = others, others[:0]
        if learner.needs_validation:
            inner, rest = split_by_group(
                labels[others],
                groups[others],
                share=settings.validation_share,
                seed=settings.fit.seed,
                alone=dataset.alone,
            )
            train, stop = others[inner], others[rest]
        learned = learner.learn(train, stop)
        rule = threshold_rule(dataset, settings, by_validation=learner.needs_validation)
        chosen = choose_thresholds(learned, dataset, rule)
        found.append(metrics_of(decide_on(dataset.subset(unseen), learned, chosen)))
    return found


def threshold_rule(dataset: Dataset, settings: TrainSettings, *, by_validation: bool) -> ThresholdRule | None:
    """The rule that the settings want; None without an OK class, where thresholds have no meaning."""
    if dataset.ok_index is None:
        return None
    is_anomaly = dataset.task == "anomaly"
    return ThresholdRule(
        max_overkill_rate=settings.max_overkill_rate if is_anomaly else None,
        expected_overkill_rate=EXPECTED_OVERKILL if is_anomaly else None,
        max_escape_rate=settings.max_escape_rate,
        costs=settings.costs,
        seed=settings.fit.seed,
        by_validation=by_validation,
    )


def choose_thresholds(learned: Learned, dataset: Dataset, rule: ThresholdRule | None) -> Thresholds:
    """Thresholds by a rule, and by photographs of parts that the model never saw."""
    if rule is None or dataset.ok_index is None:
        return Thresholds(ok_below=0.5, defect_from=0.5, chosen="without an OK class it has no meaning")
    return _thresholds(learned, dataset, rule, np.ones(len(learned.held_out_at), bool))


def _thresholds(
    learned: Learned, dataset: Dataset, rule: ThresholdRule, some: NDArray[np.bool_]
) -> Thresholds:
    """By some of what was held out."""
    at = learned.held_out_at[some]
    scores = defect_scores(class_probabilities(learned.held_out[some], dataset.task), dataset.ok_index)
    is_defect = dataset.labels[at] != dataset.ok_index
    return rule.thresholds(HeldOut(scores, is_defect, dataset.groups.numbers[at], learned.held_out_are))


def decide_on(dataset: Dataset, learned: Learned, thresholds: Thresholds) -> Decisions:
    """The answers of the learned network for photographs."""
    return decisions(dataset, predict_logits(learned.network, dataset.pixels), thresholds)


def judge(
    learned: Learned,
    dataset: Dataset,
    validation: Positions,
    rule: ThresholdRule | None,
    thresholds: Thresholds,
) -> tuple[Positions, Decisions]:
    """Verdicts on photographs whose parts had no say in them, and where these stand.

    Of those that were held out in turn, by thresholds that the others chose. Where OK parts alone are
    learned from, the network itself judges what it did not learn from, but for photographs of parts that it
    knows.
    """
    if learned.fold_of is None:
        return validation, decide_on(dataset.subset(validation), learned, thresholds)
    said = _decisions_in_turn(learned, learned.fold_of, dataset, rule, thresholds)
    if dataset.alone is None:
        return learned.held_out_at, said
    groups = dataset.groups.numbers
    others = np.flatnonzero(~np.isin(groups, groups[dataset.labels == dataset.alone]))
    if not len(others):
        return learned.held_out_at, said
    strange = decide_on(dataset.subset(others), learned, thresholds)
    return np.concatenate([learned.held_out_at, others]), joined(said, strange)


def _decisions_in_turn(
    learned: Learned,
    fold_of: NDArray[np.int64],
    dataset: Dataset,
    rule: ThresholdRule | None,
    thresholds: Thresholds,
) -> Decisions:
    """Each fold by thresholds of the others; by those of all where the others are too few for the rule."""
    shown = dataset.described(learned.held_out_at)
    found = decisions(shown, learned.held_out, thresholds)
    if rule is None:
        return found
    verdicts = list(found.verdicts)
    for fold in range(int(fold_of.max()) + 1):
        try:
            chosen = _thresholds(learned, dataset, rule, fold_of != fold)
        except InputError:
            continue
        for position in np.flatnonzero(fold_of == fold):
            verdicts[position] = decide(float(found.scores[position]), chosen)
    return with_verdicts(found, verdicts)
