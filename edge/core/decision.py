"""From the model's outputs to a score, and from the score to a verdict."""

from enum import StrEnum
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

Task = Literal["binary", "classes", "anomaly"]

OK_NAMES = frozenset(
    {
        "fine", "free", "good", "good_front", "intact", "no_defect", "no_defects", "nodefect",
        "non_defective", "normal", "ok", "ok_front", "okay", "pass", "passed",
        "gut", "gutteil", "gutteile", "i.o.", "io", "bon", "bonne", "bonnes", "buena", "bueno", "buenos",
        "buona", "buono", "buoni", "conforme", "conformes", "goed", "合格", "良品",
    }
)  # fmt: skip

DEFECT_NAMES = frozenset(
    {
        "anomaly", "bad", "def", "def_front", "defect", "defective", "defects", "fail", "faulty", "ko",
        "ng", "nok", "not_ok", "reject", "rejected", "scrap",
    }
)  # fmt: skip


class Verdict(StrEnum):
    """The decision on a part; docs/glossary.md has the words."""

    OK = "ok"
    DEFECT = "defect"
    UNSURE = "unsure"
    FAULT = "fault"


class Thresholds(BaseModel):
    """Scores under ``ok_below`` are ok, from ``defect_from`` on defect, between them unsure."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ok_below: float = Field(ge=0, le=1)
    defect_from: float = Field(ge=0, le=1)
    chosen: str = Field(default="given", description="how they were chosen, for people")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.ok_below > self.defect_from:
            raise ValueError(
                f"ok_below ({self.ok_below}) must not be greater than defect_from ({self.defect_from})"
            )
        return self


def decide(score: float, thresholds: Thresholds) -> Verdict:
    """The verdict for a score from 0 to 1; anything else, NaN too, is a fault."""
    if not 0.0 <= score <= 1.0:
        return Verdict.FAULT
    if score < thresholds.ok_below:
        return Verdict.OK
    if score >= thresholds.defect_from:
        return Verdict.DEFECT
    return Verdict.UNSURE


def has_one_logit(task: Task) -> bool:
    """True if one logit, of "defective", is the whole answer: two classes, or an anomaly model."""
    return task != "classes"


def class_probabilities(logits: NDArray[np.floating], task: Task) -> NDArray[np.float64]:
    """Probabilities (N, classes) from logits: (N, 1) of "defective" where that is all, else (N, classes).

    With one logit the columns are OK, defect.
    """
    values = np.asarray(logits, np.float64)
    if has_one_logit(task):
        defect = 1.0 / (1.0 + np.exp(-np.clip(values, -500.0, 500.0)))
        return np.concatenate([1.0 - defect, defect], axis=1)
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float64)


def normalized(probabilities: NDArray[np.floating], task: Task) -> NDArray[np.float64]:
    """Probabilities (N, classes) from what a graph gives as such: (N, 1) of "defective", or (N, classes).

    Rounding may leave them a little beside 0, 1 and a sum of 1; all zeros become NaN.
    """
    values = np.clip(np.asarray(probabilities, np.float64), 0.0, 1.0)
    if has_one_logit(task):
        return np.concatenate([1.0 - values, values], axis=1)
    return np.asarray(values / values.sum(axis=1, keepdims=True), np.float64)


def defect_scores(probabilities: NDArray[np.float64], ok_index: int | None) -> NDArray[np.float64]:
    """Scores (N,), 0 to 1: 1 minus the OK class; 1 where no class is OK."""
    if ok_index is None:
        return np.ones(len(probabilities))
    return np.clip(1.0 - probabilities[:, ok_index], 0.0, 1.0)


def find_ok_class(names: list[str]) -> str | None:
    """The class that means OK, by its name in any case; None if there is no such name, or several."""
    matches = [name for name in names if name.lower().replace("-", "_").replace(" ", "_") in OK_NAMES]
    return matches[0] if len(matches) == 1 else None
