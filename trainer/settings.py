"""The settings of `trainer train`."""

import os
from dataclasses import dataclass, field
from typing import Literal

from edge.core.preprocess import Locate
from edge.core.thresholds import Costs
from trainer.fit import FitSettings
from trainer.groups import COPIES
from trainer.input_size import Size
from trainer.locating import PROPOSE
from trainer.models.registry import AUTO as ANY_MODEL
from trainer.weights import AUTO


@dataclass(frozen=True)
class TrainSettings:
    """Its options. ``folds``: 0, or how often to repeat for a cross-validation.

    Without a ``size`` held-out parts choose it where the model allows it. ``max_milliseconds``: of one
    picture in int8 on one thread of this machine.
    """

    task: str = "auto"
    ok_class: str | None = None
    model: str = ANY_MODEL
    weights: str = AUTO
    size: Size | None = None
    max_milliseconds: float | None = None
    groups: str = COPIES
    locate: Locate | Literal["propose"] = PROPOSE
    folds: int = 0
    validation_share: float = 0.2
    costs: Costs | None = None
    max_escape_rate: float | None = None
    max_overkill_rate: float | None = None
    tensorboard: bool = False
    threads: int = os.cpu_count() or 1
    fit: FitSettings = field(default_factory=FitSettings)
