"""Requests to a station, whatever protocol they came by."""

import queue
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from edge.core.allowed import FILE, ID, NAME, SHA256
from edge.core.errors import RequestError
from edge.core.state import State
from edge.gate.belt import Direction

WAITING_COMMANDS = 16


class Request(BaseModel):
    """The base of all: keys that a later version may add are ignored, values are of the very type."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class CommandRequest(Request):
    """…/command: what the station is to do."""

    id: str = Field(pattern=ID, description="of this request, never used before")
    command: Literal["reset", "reload", "activate", "recipe", "stop", "start"]
    bundle: str | None = Field(
        None,
        pattern=FILE,
        description="activate: file name of a bundle in the allowed folder",
    )
    sha256: str | None = Field(None, pattern=SHA256, description="activate: of that file, or it is not read")
    recipe: str | None = Field(None, pattern=NAME, description="recipe: the one to switch to")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.command == "activate" and (self.bundle is None or self.sha256 is None):
            raise ValueError("activate needs bundle and sha256")
        if self.command == "recipe" and self.recipe is None:
            raise ValueError("recipe needs recipe, its name")
        return self


@dataclass(frozen=True)
class Answer:
    """Why a command was not done, or None, what else there is to know, and how the station is now."""

    error: str | None
    note: str | None
    state: State
    bundle_sha256: str
    recipe: str


@dataclass(frozen=True)
class WaitingCommand:
    """A command, and who is to hear what came of it; ``error`` where it is refused already."""

    request: CommandRequest | None
    answer: Callable[[Answer], None]
    error: str | None = None


class Receiver(Protocol):
    """Whom requests concern; every method returns at once, and may be called on any thread.

    Times are monotonic seconds.
    """

    def triggered(self, part: str, at: float, count: int | None) -> None:
        """A part is at the camera; raises RequestError where it can't be taken."""

    def triggers_heard(self, trouble: str | None, at: float) -> None:
        """Requests of the line are heard from ``at`` on, or not, for the reason given."""

    def belt_moves(self, direction: Direction, at: float) -> None:
        """The belt goes this way from now on."""

    def belt_counts(self, count: int, at: float) -> None:
        """The encoder stands here."""

    def belt_lost(self, reason: str) -> None:
        """The movement of the belt is not known any more."""

    def confirmed(self) -> None:
        """A rejected part is in the bin."""

    def lot_begins(self, lot: str | None) -> None:
        """Parts that are seen from now on are of this lot, or of none."""

    def command(self, waiting: WaitingCommand) -> None:
        """Do this on the line's own thread, and answer; raises RequestError where too many wait."""


class CommandQueue:
    """Commands until the line's thread takes them, from any thread."""

    def __init__(self) -> None:
        self._waiting: queue.Queue[WaitingCommand] = queue.Queue(WAITING_COMMANDS)

    def put(self, command: WaitingCommand) -> None:
        """One more; raises RequestError where too many wait."""
        try:
            self._waiting.put_nowait(command)
        except queue.Full:
            raise RequestError(f"more than {WAITING_COMMANDS} commands wait") from None

    def next(self) -> WaitingCommand | None:
        """The oldest that was not done yet, or None."""
        try:
            return self._waiting.get_nowait()
        except queue.Empty:
            return None
