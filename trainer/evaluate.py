"""A finished run on other photographs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.core.errors import InputError
from edge.core.metrics import Metrics
from edge.core.photographs.census import Census
from edge.core.photographs.layouts import Layout, read_layout
from trainer.dataset import Dataset, load_test_set
from trainer.evaluation import Decisions, Evaluation, decisions, evaluate_decisions, metrics_of
from trainer.files import count_files
from trainer.groups import COPIES
from trainer.predict import predict_logits
from trainer.run import MODEL_FILE, Run, read_run


@dataclass(frozen=True)
class EvaluatedRun:
    """The answers of a run for photographs that it never learned from."""

    run: Run
    network: Any
    layout: Layout
    dataset: Dataset
    found: Decisions
    metrics: Metrics
    details: Evaluation
    files: Census


def evaluate_run(run_folder: Path, data: Path, *, groups: str = COPIES) -> EvaluatedRun:
    """Figures of a run on other photographs; ``groups``: as of `trainer train`. Raises InputError."""
    run = read_run(run_folder)
    layout = read_layout(data)
    dataset = load_test_set(layout, run, spec=run.input, groups=groups)
    network = load_network(run_folder)
    found = decisions(dataset, predict_logits(network, dataset.pixels), run.thresholds)
    details = evaluate_decisions(found, run.thresholds, run.costs)
    return EvaluatedRun(
        run, network, layout, dataset, found, metrics_of(found), details, count_files(layout, dataset)
    )


def load_network(run_folder: Path) -> Any:
    """The Keras model of a run, to logits; raises InputError."""
    import keras

    from trainer.models.heatmap import logits_alone
    from trainer.whole_numbers.fake_quantize import FakeQuantize, HalvesFromZero

    known = {"FakeQuantize": FakeQuantize, "HalvesFromZero": HalvesFromZero}
    try:
        return logits_alone(keras.saving.load_model(run_folder / MODEL_FILE, known, compile=False))
    except (OSError, ValueError) as error:
        raise InputError(f"{run_folder / MODEL_FILE}: not a model that Keras can load") from error
