"""The interface of every backbone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Tap:
    """A map that can be taken out of a backbone.

    ``stride``: pixels a side of the photograph for one place of the map, where the photograph's sides are
    multiples of it; others are rounded up.
    """

    name: str
    stride: int
    channels: int


class Backbone(Protocol):
    """A network that knows ImageNet, its weights at hand."""

    @property
    def name(self) -> str:
        """As a person writes it: "mobilenet_v1_0.25"."""

    @property
    def source(self) -> str:
        """Where the weights are from; stands in run.json and in the report."""

    @property
    def taps(self) -> tuple[Tap, ...]:
        """Every map it offers, in the order in which the network makes them."""

    @property
    def texture_taps(self) -> tuple[str, ...]:
        """The maps whose averages over the picture are good features."""

    @property
    def place_taps(self) -> tuple[str, ...]:
        """The maps, of one stride, in which each place is scored by itself."""

    def build(self, height: int, width: int, channels: int, taps: Sequence[str]) -> Any:
        """A Keras model: float32 (N, H, W, C) in -1…1 to the maps (N, h, w, c), in the order of ``taps``.

        Called, it gives a list of them, or the map itself where there is one. ``channels``: 1 or 3; grey
        pixels are seen as equal red, green and blue. Raises InputError where the
        weights are not of this network, ValueError for a tap that it does not have.
        """


def check_taps(offered: Sequence[Tap], wanted: Sequence[str]) -> None:
    """Raise ValueError where a wanted tap is not offered, or none is wanted."""
    names = [tap.name for tap in offered]
    unknown = [name for name in wanted if name not in names]
    if unknown or not wanted:
        raise ValueError(f"no taps {unknown}; expected some of {', '.join(names)}")
