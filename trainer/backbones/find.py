"""Which backbones there are on this machine."""

from dataclasses import dataclass

from trainer.backbones import efficientnet_lite0, mobilenet_v1
from trainer.backbones.backbone import Backbone
from trainer.backbones.efficientnet_lite0 import find_efficientnet_lite0
from trainer.backbones.mobilenet_v1 import find_mobilenet_v1
from trainer.weights import AUTO, IMAGENET, NONE, VARIABLE

NAMES = (mobilenet_v1.NAME, efficientnet_lite0.NAME)


@dataclass(frozen=True)
class Availability:
    """A backbone, or None and the ``reason`` why it is not available here."""

    name: str
    backbone: Backbone | None
    reason: str = ""


def find_backbones(weights: str = AUTO) -> list[Availability]:
    """All that there are, the fastest first.

    ``weights``: what `trainer train --weights` takes. "none" makes none available, a file its network alone.
    Raises InputError where what was asked for is not available, or an installed file was changed.
    """
    if weights == NONE:
        return [Availability(name, None, "--weights none") for name in NAMES]
    return [_mobilenet_v1(weights), _efficientnet_lite0(weights)]


def _mobilenet_v1(weights: str) -> Availability:
    found = find_mobilenet_v1(weights)
    reason = f"not in Keras's cache, not to be fetched, and no file named by --weights or {VARIABLE}"
    return Availability(mobilenet_v1.NAME, found, "" if found else reason)


def _efficientnet_lite0(weights: str) -> Availability:
    name = efficientnet_lite0.NAME
    if weights not in (AUTO, IMAGENET):
        return Availability(name, None, f"--weights {weights} is of another network")
    found = find_efficientnet_lite0()
    reason = f"the package {efficientnet_lite0.PACKAGE} is not installed (part of the extra `train`)"
    return Availability(name, found, "" if found else reason)
