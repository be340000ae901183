"""Execute commands from the network, on the line's own thread."""

import logging
import time
from collections.abc import Callable

from edge.deployment.deployment import Prepare, activation, refuse_reload, reloading, switch_to
from edge.deployment.manager import Change, DeploymentManager, Outcome
from edge.outputs.requests import Answer, CommandQueue, CommandRequest, WaitingCommand
from edge.settings.settings import Settings
from edge.station.parts import InspectedPart
from edge.station.states import States
from edge.trigger.trigger import Trigger

logger = logging.getLogger(__name__)


class Commands:
    """Executes commands one after the other, and answers each."""

    def __init__(
        self,
        waiting: CommandQueue,
        states: States,
        trigger: Trigger[InspectedPart],
        manager: DeploymentManager,
        read_settings: Callable[[], Settings] | None,
    ) -> None:
        self._waiting = waiting
        self._manager = manager
        self._read_settings = read_settings
        self._states = states
        self._trigger = trigger

    def process(self) -> None:
        """Execute all waiting commands; a change is answered once it is made."""
        while (waiting := self._waiting.next()) is not None:
            if waiting.request is None:
                self._answer(waiting, Outcome(waiting.error))
            else:
                logger.info("command %s, %s", waiting.request.command, waiting.request.id)
                self._do(waiting, waiting.request)
        self._manager.poll()

    def reload(self) -> bool:
        """Read the settings again without a command; return False while another change is in progress."""
        return self._manager.ask(Change("reload", self._reloading())) is None

    def _answer(self, waiting: WaitingCommand, outcome: Outcome) -> None:
        inspector = self._manager.deployment.inspector
        state, bundle_sha256 = self._states.current[0], inspector.model.bundle.sha256
        waiting.answer(Answer(outcome.error, outcome.note, state, bundle_sha256, inspector.recipe))

    def _do(self, waiting: WaitingCommand, request: CommandRequest) -> None:
        now = time.monotonic()
        match request.command:
            case "reset":
                self._states.reset()
                self._trigger.reset()
            case "stop":
                if not self._states.is_stopped:
                    self._states.stop("by command")
                    self._trigger.end(now)
            case "start":
                if self._states.is_stopped:
                    self._states.resume()
                    self._trigger.begin(now)
            case "reload" | "activate" | "recipe":
                self._change(waiting, request)
                return
        self._answer(waiting, Outcome())

    def _change(self, waiting: WaitingCommand, request: CommandRequest) -> None:
        """Start a change beside the line; it is answered once it is made."""
        what, prepare = "reload", self._reloading()
        if request.command == "activate":
            what = f"activate {request.bundle}"
            prepare = activation(str(request.bundle), str(request.sha256))
        elif request.command == "recipe":
            what, prepare = f"recipe {request.recipe}", switch_to(str(request.recipe))
        error = self._manager.ask(Change(what, prepare, lambda outcome: self._answer(waiting, outcome)))
        if error is not None:
            self._answer(waiting, Outcome(error))

    def _reloading(self) -> Prepare:
        if self._read_settings is None:
            return refuse_reload
        return reloading(self._read_settings)
