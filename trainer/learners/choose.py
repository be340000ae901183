"""Who learns, by what was asked for and what weights there are."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from edge.core.errors import InputError
from trainer.backbones.backbone import Backbone
from trainer.backbones.find import find_backbones
from trainer.dataset import Dataset, resized
from trainer.fit import Records
from trainer.learners.anomaly import AutoencoderLearner
from trainer.learners.gradient import GradientLearner, TransferLearner
from trainer.learners.learner import Learner
from trainer.learners.one_class import choose_one_class
from trainer.methods.choose_one_class import what_few_parts_leave_open
from trainer.methods.frozen.choose import Choice, candidates, choose
from trainer.methods.frozen.feature_maps import FeatureSpec, full_spec
from trainer.methods.frozen.learner import FrozenLearner
from trainer.methods.frozen.tried import Tried
from trainer.models.registry import AUTO, AUTOENCODER, FROZEN, NETWORKS, SMALL
from trainer.models.scratch import build_scratch
from trainer.models.transfer import PRETRAINED, build_transfer
from trainer.settings import TrainSettings
from trainer.weights import VARIABLE, find_weights

_SMALL_SPEC = FeatureSpec(("block4", "block5", "block7"), ("block7",), has_extremes=False)
_NO_WEIGHTS = (
    "no pretrained weights: learning from scratch, which on castings that it never saw decided worse "
    f"(docs/research/experiments.md); connect to the network once, or name a file by --weights or {VARIABLE}"
)


@dataclass(frozen=True)
class Chosen:
    """A learner, the data set at the size that it looks at, and what a person must know about it.

    ``tried``: what was tried before; ``why``: why this one, in words.
    """

    learner: Learner
    dataset: Dataset
    warnings: list[str] = field(default_factory=list)
    tried: list[Tried] = field(default_factory=list)
    why: str = "asked for"


def choose_learner(dataset: Dataset, settings: TrainSettings, records: Records) -> Chosen:
    """A learner for the data set.

    Raises InputError where the model is not one for the task, or what was asked for is not available.
    """
    model, fit = settings.model, settings.fit
    if dataset.task == "anomaly":
        return _for_anomalies(dataset, settings, records)
    if model == AUTOENCODER:
        raise InputError(f"--model {model}: learns from OK parts alone; expected --task anomaly with it")
    if model in NETWORKS:
        return Chosen(GradientLearner(dataset, NETWORKS[model], fit, records), dataset)
    if model in PRETRAINED:
        return _fine_tuned(dataset, settings, records)
    found = find_backbones(settings.weights)
    wanted = [one for one in found if one.name in FROZEN[model]]
    backbones = [one.backbone for one in wanted if one.backbone is not None]
    missing = [f"{one.name} is not available: {one.reason}" for one in wanted if one.backbone is None]
    if backbones:
        return _frozen(dataset, settings, backbones, missing)
    if model != AUTO:
        raise InputError(f"--model {model}: {'; '.join(missing)}")
    return Chosen(GradientLearner(dataset, build_scratch, fit, records), dataset, [_NO_WEIGHTS])


def _frozen(
    dataset: Dataset, settings: TrainSettings, backbones: Sequence[Backbone], missing: Sequence[str]
) -> Chosen:
    feature_specs = [(one, _SMALL_SPEC if settings.model == SMALL else full_spec(one)) for one in backbones]
    choice = choose(
        dataset,
        candidates(dataset, feature_specs, settings.size),
        max_milliseconds=settings.max_milliseconds,
        seed=settings.fit.seed,
        threads=settings.threads,
    )
    spec = choice.candidate.spec
    shown = dataset if spec == dataset.spec else replace(resized(dataset, spec), left_out=dataset.left_out)
    learner = FrozenLearner(
        shown,
        choice.candidate.backbone,
        choice.candidate.feature_spec,
        name=settings.model,
        seed=settings.fit.seed,
        threads=settings.threads,
    )
    return Chosen(learner, shown, tried=choice.tried, why=_why(choice, missing))


def _why(choice: Choice, missing: Sequence[str]) -> str:
    spec = choice.candidate.spec
    words = f"{choice.candidate.backbone.name} at {spec.width}x{spec.height}: {choice.why}"
    return "; ".join([words, *missing])


def _fine_tuned(dataset: Dataset, settings: TrainSettings, records: Records) -> Chosen:
    backbone = PRETRAINED[settings.model]
    found = find_weights(settings.weights, backbone.download)
    if found is not None:
        return Chosen(TransferLearner(dataset, backbone, found, settings.fit, records), dataset)
    build = partial(build_transfer, backbone, None)
    return Chosen(GradientLearner(dataset, build, settings.fit, records), dataset, [_NO_WEIGHTS])


def _for_anomalies(dataset: Dataset, settings: TrainSettings, records: Records) -> Chosen:
    model = settings.model
    if model not in (AUTO, AUTOENCODER):
        raise InputError(
            f"--model {model}: learns from OK and from defective parts; expected {AUTO} or {AUTOENCODER} for "
            "--task anomaly"
        )
    found = find_backbones(settings.weights) if model == AUTO else []
    backbones = [one.backbone for one in found if one.backbone is not None]
    if not backbones:
        learner = AutoencoderLearner(dataset, settings.fit, records)
        return Chosen(learner, dataset, [_NO_WEIGHTS] if model == AUTO else [])
    parts = len(np.unique(dataset.groups.numbers[dataset.labels == dataset.ok_index]))
    taken, shown, why = choose_one_class(
        dataset,
        backbones,
        settings.size,
        max_milliseconds=settings.max_milliseconds,
        seed=settings.fit.seed,
    )
    return Chosen(taken, shown, what_few_parts_leave_open(parts), why=why)
