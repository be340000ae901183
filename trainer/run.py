"""run.json: what a training run was, and what came of it. quantize reads it."""

import json
import tempfile
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from edge.core.bundle.bundle import Photographs
from edge.core.decision import Task, Thresholds, Verdict
from edge.core.errors import InputError
from edge.core.metrics import Metrics
from edge.core.photographs.census import Census
from edge.core.preprocess import InputSpec
from edge.core.thresholds import Costs, ThresholdRule
from trainer.audit.probes import Probe
from trainer.evaluation import Evaluation
from trainer.learning_curve import LearningCurve
from trainer.methods.frozen.tried import Tried
from trainer.suspects import Suspect

RUN_FILE, MODEL_FILE = "run.json", "model.keras"


class FileLabel(BaseModel):
    """One photograph; ``file`` is relative to the run's ``data``."""

    model_config = ConfigDict(frozen=True)

    file: str
    label: str
    group: int = 0


class HeldOutFile(FileLabel):
    """One photograph, and what a model that never saw its part says of it.

    ``verdict`` is by thresholds in which it had no say; ``predicted``: the most probable class.
    """

    score: float
    verdict: Verdict
    predicted: str


class RunResults(BaseModel):
    """Figures on what was held out, on each fold of a cross-validation, and on ``--test``.

    ``…_details``: the same with intervals over parts, and what else there is to know.
    """

    model_config = ConfigDict(frozen=True)

    held_out: Metrics
    held_out_details: Evaluation | None = None
    folds: list[Metrics] = []
    test: Metrics | None = None
    test_details: Evaluation | None = None


class Run(BaseModel):
    """The whole record.

    ``train``: what was learned from. ``held_out``: what the figures are made of, which may be the same
    photographs where each was held out in turn; ``held_out_are`` says which they are.
    """

    model_config = ConfigDict(frozen=True)

    format: Literal[1] = 1
    task: Task
    classes: list[str]
    ok_class: str | None
    input: InputSpec
    thresholds: Thresholds
    threshold_rule: ThresholdRule | None = None
    costs: Costs | None = None
    model_name: str
    data: str
    layout: str
    photographs: Photographs
    train: list[FileLabel]
    held_out: list[HeldOutFile]
    held_out_are: str
    left_out: dict[str, str]
    files: Census | None = None
    split: str
    warnings: list[str] = []
    suspects: list[Suspect] = []
    tried: list[Tried] = []
    learning_curve: LearningCurve | None = None
    shortcuts: list[Probe] = []
    training: dict[str, JsonValue]
    versions: dict[str, str]
    results: RunResults


def write_run(folder: Path, run: Run) -> None:
    """Write run.json whole or not at all; it comes last, so a killed run never looks finished."""
    with tempfile.NamedTemporaryFile("w", dir=folder, suffix=".part", delete=False, encoding="utf-8") as file:
        file.write(run.model_dump_json(indent=1))
    Path(file.name).chmod(0o644)
    Path(file.name).replace(folder / RUN_FILE)


def read_run(folder: Path) -> Run:
    """Read a run; raises InputError where it is missing, unfinished or from another version."""
    path = folder / RUN_FILE
    if not path.is_file():
        raise InputError(f"{folder}: no finished run ({RUN_FILE} is missing); `trainer train` makes one")
    try:
        return Run.model_validate(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, ValidationError) as error:
        raise InputError(f"{path}: not a run of this version of Linegate") from error
