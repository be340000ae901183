"""Every message that a station takes from the network, and nothing but what these models allow.

Pure. Whatever cannot be one of them raises RequestError with one line that does not repeat what came.
"""

from collections import deque
from collections.abc import Sequence
from typing import Annotated, Literal, TypeVar

from paho.mqtt.client import topic_matches_sub
from pydantic import Field, ValidationError

from edge.core.allowed import ID, in_words
from edge.core.errors import RequestError
from edge.outputs.requests import CommandRequest, Request

LARGEST_BYTES = 4096
LONGEST_CORRELATION = 256
LONGEST_TOPIC = 256
REMEMBERED = 1000
Count = Annotated[int, Field(ge=-(2**53), le=2**53)]


class TriggerRequest(Request):
    """…/trigger: a part is here now."""

    part: str = Field(pattern=ID, description="its id, never used before")
    count: Count | None = Field(None, description="where the encoder stood then, if the sender knows")


class BeltRequest(Request):
    """…/belt: which way the belt goes from now on; may be retained."""

    direction: Literal["forward", "stopped", "reverse"]


class EncoderRequest(Request):
    """…/encoder: where the encoder stands now."""

    count: Count


class BinRequest(Request):
    """…/bin: a rejected part fell into the bin just now."""


class LotRequest(Request):
    """…/lot: which lot the parts are of that are seen from now on; should be retained."""

    lot: str | None = Field(pattern=ID, description="its id; null: none")


REQUESTS: dict[str, type[Request]] = {
    "trigger": TriggerRequest,
    "command": CommandRequest,
    "belt": BeltRequest,
    "encoder": EncoderRequest,
    "bin": BinRequest,
    "lot": LotRequest,
}
R = TypeVar("R", bound=Request)


def parse(model: type[R], payload: bytes) -> R:
    """The message in a payload; raises RequestError."""
    if len(payload) > LARGEST_BYTES:
        raise RequestError(f"{len(payload)} bytes; at most {LARGEST_BYTES} are taken")
    try:
        return model.model_validate_json(payload)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        what = "not valid JSON" if first["type"] == "json_invalid" else in_words(first)
        raise RequestError(f"{where}: {what}" if where else what) from None


class Remembered:
    """The latest ids, so that a message that comes twice is done once."""

    def __init__(self, size: int = REMEMBERED) -> None:
        self._order: deque[str] = deque()
        self._known: set[str] = set()
        self._size = size

    def is_new(self, name: str) -> bool:
        """True if this id did not come lately; from now on it did."""
        if name in self._known:
            return False
        self._known.add(name)
        self._order.append(name)
        if len(self._order) > self._size:
            self._known.discard(self._order.popleft())
        return True


def may_answer_on(topic: str, allowed: Sequence[str]) -> bool:
    """True if an answer may go to a topic that a stranger names: one that an ``allowed`` filter matches."""
    if not 0 < len(topic) <= LONGEST_TOPIC or any(c in topic for c in "+#\0") or topic[0] == "$":
        return False
    return any(topic_matches_sub(one, topic) for one in allowed)


def may_be_echoed(correlation: bytes | None) -> bool:
    """True if correlation data is short enough to be sent back."""
    return correlation is None or len(correlation) <= LONGEST_CORRELATION
