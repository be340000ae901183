"""What becomes of a command from the network; on the line's own thread."""

import logging
import time

from edge.mqtt.announcer import Announcer
from edge.mqtt.inbox import Inbox, WaitingCommand
from edge.mqtt.requests import CommandRequest
from edge.states import States
from edge.trigger.seen import SeenPart
from edge.trigger.trigger import Trigger

logger = logging.getLogger(__name__)


class Commands:
    """Does what commands ask of a station, one after the other, and answers each."""

    def __init__(self, inbox: Inbox, say: Announcer, states: States, trigger: Trigger) -> None:
        self._inbox = inbox
        self._say = say
        self._states = states
        self._trigger = trigger

    def obey(self) -> None:
        """Do all that came."""
        while (waiting := self._inbox.next_command()) is not None:
            error = waiting.error if waiting.request is None else self._do(waiting.request)
            self._answer(waiting, error)

    def _answer(self, waiting: WaitingCommand, error: str | None) -> None:
        self._say.response(waiting, error, self._states.current[0])

    def _do(self, request: CommandRequest) -> str | None:
        """Do what a command asks; returns why not, or None."""
        now = time.monotonic()
        logger.info("command %s, %s", request.command, request.id)
        match request.command:
            case "reset":
                self._states.reset()
                if isinstance(self._trigger, SeenPart) and self._trigger.trouble is not None:
                    self._trigger.forget()
            case "stop":
                if not self._states.is_stopped:
                    self._states.stop("by command")
                    self._trigger.end(now)
            case "start":
                if self._states.is_stopped:
                    self._states.resume()
                    self._trigger.begin(now)
            case "reload" | "activate":
                return "this station loads its bundle and settings only when it starts; start it again"
        return None
