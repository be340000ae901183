"""Mishaps of a camera: each brings one about and undoes it again."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from testing.rigs.faulty_link import LinkState
from testing.rigs.sources import HttpCamera, NetworkCamera


class Breakable(Protocol):
    """A camera that can be made to fail."""

    @property
    def url(self) -> str: ...
    def close(self) -> None: ...


@dataclass(frozen=True)
class Mishap:
    """``begin`` brings it about on a camera that knows it, ``end`` undoes it."""

    name: str
    begin: Callable[[Any], object]
    end: Callable[[Any], object]


def _link(name: str, state: LinkState) -> Mishap:
    def begin(camera: NetworkCamera) -> None:
        camera.link.state = state

    def end(camera: NetworkCamera) -> None:
        camera.link.state = "pass"

    return Mishap(name, begin, end)


def _send(kind: str) -> Mishap:
    def begin(camera: HttpCamera) -> None:
        camera.send(kind)

    def end(camera: HttpCamera) -> None:
        camera.send("good")

    return Mishap(f"sends {kind}", begin, end)


MISHAPS = (
    Mishap("killed", lambda camera: camera.kill(), lambda camera: camera.switch_on()),
    Mishap("frozen", lambda camera: camera.freeze(), lambda camera: camera.thaw()),
    _link("hanging", "hang"),
    _link("slow", "slow"),
    _link("corrupted", "corrupt"),
)
BAD_PICTURES = tuple(_send(k) for k in ("truncated", "black", "white", "blurred", "small", "repeated"))
