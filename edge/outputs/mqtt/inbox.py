"""Messages that come in over MQTT: checked, counted, and handed on; nothing in here can raise.

Called on paho's thread. Triggers and messages of the belt take effect at once, for their time is now;
commands wait for the line's own thread.
"""

import logging
import threading
from collections import Counter
from collections.abc import Callable
from functools import partial

from edge.core.errors import RequestError
from edge.outputs.mqtt.client import Incoming
from edge.outputs.mqtt.requests import (
    LONGEST_CORRELATION,
    BeltRequest,
    BinRequest,
    EncoderRequest,
    LotRequest,
    Remembered,
    TriggerRequest,
    may_be_echoed,
    parse,
)
from edge.outputs.requests import Answer, CommandRequest, Receiver, WaitingCommand

logger = logging.getLogger(__name__)

MAY_BE_RETAINED = ("belt", "lot")
_OTHER = "(another topic)"


class Inbox:
    """Takes every message of the subscribed topics, by the last part of the topic.

    ``answer`` is given what came of a command, with its message, and what was read in it, if anything was.
    """

    def __init__(
        self,
        receiver: Receiver,
        answer: Callable[[Incoming, CommandRequest | None, Answer], None],
    ) -> None:
        self._receiver = receiver
        self._answer = answer
        self._handlers: dict[str, Callable[[Incoming], None]] = {
            "trigger": self._trigger,
            "command": self._command,
            "belt": self._belt,
            "encoder": self._encoder,
            "bin": self._bin,
            "lot": self._lot,
        }
        self._parts = Remembered()
        self._ids = Remembered()
        self._lock = threading.Lock()
        self._refused: Counter[str] = Counter()
        self._complained: set[str] = set()

    @property
    def refused(self) -> int:
        """The number of messages that were not taken."""
        with self._lock:
            return self._refused.total()

    @property
    def refused_kinds(self) -> int:
        """Count of the kinds of messages that are counted apart: those it knows, and all others as one."""
        with self._lock:
            return len(self._refused)

    def receive(self, message: Incoming) -> None:
        """Take one message, or count it as refused."""
        kind = self._kind(message.topic)
        try:
            if kind not in self._handlers:
                raise RequestError("nothing is expected there")
            if message.retained and kind not in MAY_BE_RETAINED:
                raise RequestError("retained, so nobody knows when it was meant")
            self._handlers[kind](message)
        except RequestError as error:
            self._refuse(kind, str(error))
        except Exception as error:  # a stranger's message must never end the network thread
            if kind not in self._complained:
                logger.exception("mqtt: a message on …/%s", kind)
            self._refuse(kind, type(error).__name__)
        else:
            self._complained.discard(kind)

    def unreadable(self, topic: str, why: str) -> None:
        """Count a message that never became one: too large, or its properties are malformed."""
        self._refuse(self._kind(topic), f"{why}; where it is retained, delete it there")

    def _kind(self, topic: str) -> str:
        """The last part of a topic that was subscribed to; a broker may send others."""
        kind = topic.rsplit("/", 1)[-1]
        return kind if kind in self._handlers else _OTHER

    def _refuse(self, kind: str, reason: str) -> None:
        with self._lock:
            self._refused[kind] += 1
        if kind not in self._complained:
            logger.warning("mqtt: a message on …/%s is refused: %s", kind, reason)
        self._complained.add(kind)

    def _trigger(self, message: Incoming) -> None:
        request = parse(TriggerRequest, message.payload)
        if not self._parts.is_new(request.part):
            raise RequestError("part: this id came before")
        self._receiver.triggered(request.part, message.received, request.count)

    def _command(self, message: Incoming) -> None:
        try:
            if not may_be_echoed(message.correlation):
                raise RequestError(f"correlation data: at most {LONGEST_CORRELATION} bytes are sent back")
            request = parse(CommandRequest, message.payload)
            if not self._ids.is_new(request.id):
                raise RequestError("id: this id came before")
        except RequestError as error:
            self._receiver.command(
                WaitingCommand(None, partial(self._answer, message, None), error=str(error))
            )
            raise
        self._receiver.command(WaitingCommand(request, partial(self._answer, message, request)))

    def _belt(self, message: Incoming) -> None:
        self._receiver.belt_moves(parse(BeltRequest, message.payload).direction, message.received)

    def _encoder(self, message: Incoming) -> None:
        self._receiver.belt_counts(parse(EncoderRequest, message.payload).count, message.received)

    def _bin(self, message: Incoming) -> None:
        parse(BinRequest, message.payload)
        self._receiver.confirmed()

    def _lot(self, message: Incoming) -> None:
        self._receiver.lot_begins(parse(LotRequest, message.payload).lot)
