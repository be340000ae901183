"""Who learns, by what was asked for and what weights there are."""

from functools import partial

import numpy as np

from edge.core.errors import InputError
from trainer.backbones.find import find_backbones
from trainer.backbones.mobilenet_v1 import download
from trainer.dataset import Dataset
from trainer.fit import FitSettings, Records
from trainer.learners.anomaly import AutoencoderLearner
from trainer.learners.gradient import GradientLearner, TransferLearner
from trainer.learners.head import HeadLearner
from trainer.learners.learner import Learner
from trainer.learners.one_class import one_class_learner
from trainer.methods.choose_one_class import what_few_parts_leave_open
from trainer.models.registry import AUTOENCODER, DEFAULT, FROZEN, NETWORKS
from trainer.models.scratch import build_scratch
from trainer.models.transfer import BACKBONES, build_transfer
from trainer.weights import VARIABLE, find_weights

_NO_WEIGHTS = (
    "no pretrained weights: learning from scratch, which on castings that it never saw decided worse "
    f"(docs/experiments.md); connect to the network once, or name a file by --weights or {VARIABLE}"
)


def choose_learner(
    dataset: Dataset, model: str, *, weights: str, fit: FitSettings, records: Records, threads: int
) -> tuple[Learner, list[str]]:
    """A learner for the data set, and what a person must know about it.

    ``model`` and ``weights`` are what `trainer train` takes. Raises InputError where the model is
    not one for the task, or the weights cannot be had.
    """
    if dataset.task == "anomaly":
        return _for_anomalies(dataset, model, weights=weights, fit=fit, records=records)
    if model == AUTOENCODER:
        raise InputError(f"--model {model}: learns from OK parts alone; --task anomaly would be right")
    if model in NETWORKS:
        return GradientLearner(dataset, NETWORKS[model], fit, records), []
    backbone = BACKBONES.get(model)
    found = find_weights(weights, backbone.download if backbone else download)
    if found is not None and backbone is not None:
        return TransferLearner(dataset, backbone, found, fit, records), []
    if found is not None:
        learner = HeadLearner(
            dataset,
            found,
            FROZEN[model],
            name=model,
            seed=fit.seed,
            threads=threads,
        )
        return learner, []
    build = partial(build_transfer, backbone, None) if backbone else build_scratch
    return GradientLearner(dataset, build, fit, records), [_NO_WEIGHTS]


def _for_anomalies(
    dataset: Dataset, model: str, *, weights: str, fit: FitSettings, records: Records
) -> tuple[Learner, list[str]]:
    if model not in (DEFAULT, AUTOENCODER):
        raise InputError(
            f"--model {model}: learns from OK and from defective parts; for --task anomaly {DEFAULT} or "
            f"{AUTOENCODER} would be right"
        )
    found = find_backbones(weights) if model == DEFAULT else []
    backbones = [one.backbone for one in found if one.backbone is not None]
    if backbones:
        parts = len(np.unique(dataset.groups.numbers[dataset.labels == dataset.ok_index]))
        return one_class_learner(dataset, backbones, seed=fit.seed), what_few_parts_leave_open(parts)
    return AutoencoderLearner(dataset, fit, records), [_NO_WEIGHTS] if model == DEFAULT else []
