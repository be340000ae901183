"""The record of a backbone that was tried; by itself, as what reads a run needs no network."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from trainer.intervals import Measured


class Tried(BaseModel):
    """One backbone at one size; ``milliseconds`` for one int8 picture on one thread of this machine.

    ``area``: held-out area under ROC, of several classes the mean of one class against all others.
    """

    model_config = ConfigDict(frozen=True)

    backbone: str
    width: int
    height: int
    fit: Literal["stretch", "letterbox"]
    area: Measured
    milliseconds: float
    kilobytes: int
    is_chosen: bool = False
