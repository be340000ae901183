"""The distribution of the scores of good parts: written by `quantize`, compared with on the device."""

from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field

MOST_SCORES = 256

_Score = Annotated[float, Field(ge=0, le=1)]


class ScoreProfile(BaseModel):
    """Scores of OK photographs that the model was not trained on, in order; at most 256 of ``count``.

    Where there were more they are evenly spaced quantiles. ``parts``: how many parts they show. Photographs
    of one part are no independent witnesses.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    count: int = Field(ge=1)
    parts: int = Field(ge=1)
    scores: list[_Score] = Field(min_length=1, max_length=MOST_SCORES)


def profile_scores(scores: ArrayLike, *, parts: int) -> ScoreProfile | None:
    """The profile of scores (N,), 0 to 1, of so many parts, in any order; None where there are none."""
    ordered = np.sort(graded(scores))
    if not len(ordered):
        return None
    kept = min(len(ordered), MOST_SCORES)
    middles = (np.arange(kept) + 0.5) / kept
    chosen = ordered[np.floor(middles * len(ordered)).astype(int)]
    return ScoreProfile(count=len(ordered), parts=parts, scores=[float(score) for score in chosen])


def graded(scores: ArrayLike) -> NDArray[np.float64]:
    """Scores (N,) in steps in which two devices give the same: six significant digits.

    The answers of an int8 model are few levels; the last bit of one must not make two of it.
    """
    values = np.asarray(scores, np.float64).reshape(-1)
    return np.array([float(f"{value:.6g}") for value in values], np.float64)
