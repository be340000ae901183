"""A subscriber that trusts nobody: it keeps every byte that came, and counts for itself."""

import json
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

_SESSION_S = 3600
TRANSPORT_S = 0.5
"""How long a message may take from the station's last look at the clock to the witness, on a busy machine."""
TOGETHER_S = 0.05
"""How far apart two looks at the clock may be that the station means to be one."""


@dataclass(frozen=True)
class CommandTimes:
    """Commands beside the moments at which their parts really were at the ejector."""

    judged: int
    late: int
    """Came when the part was past it, by the witness's clock, TRANSPORT_S allowed."""
    shifted: int
    """Named another moment, more than TOGETHER_S away."""


class Witness:
    """One station's verdicts and commands, as a client of the broker saw them.

    It comes back after the broker, which keeps what it missed if it keeps sessions.
    """

    def __init__(self, host: str, port: int, station: str = "station-1") -> None:
        self.verdicts: dict[str, bytes] = {}
        """The first content of each id, in the order of arrival."""
        self.arrived: dict[str, float] = {}
        """When that was, in wall-clock seconds."""
        self.subscriptions = 0
        self.repeated = 0
        self.two_contents: list[str] = []
        self.commands_sent_late = 0
        """By the station's own word: the part was past the ejector already."""
        self.commands_here_late = 0
        """By the witness's clock, on a machine that may be busy."""
        self.commands_unsent = 0
        """By the station's own word, in its statistics."""
        self.commands = 0
        self._command_times: list[tuple[str, float, float]] = []  # part, when it came, when it says it is due
        self._captured: dict[str, float] = {}  # of each part, by its verdict
        self.rejected_parts: set[str] = set()
        self.passed_parts: set[str] = set()
        self.alarms: list[tuple[str, bool]] = []
        """Each that was raised (True) or cleared."""
        self.states: list[tuple[float, str]] = []
        """Each state that was said, with the monotonic time at which it came."""
        self.states_since: list[tuple[float, str]] = []
        """Each state that was said, with the wall-clock seconds since when, by the station's own word."""
        self.passing_frames: list[float] = []
        """When the frames that pass a part were captured: wall-clock seconds, by the station's own word."""
        self._changed = threading.Condition()
        self._subscribed = threading.Event()
        self._base = f"inspection/{station}"
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"witness-{uuid.uuid4().hex}",
            protocol=MQTTProtocolVersion.MQTTv5,
        )
        self._client.on_connect = lambda client, *_: client.subscribe(f"{self._base}/#", qos=1)
        self._client.on_subscribe = self._has_subscribed
        self._client.on_message = self._take
        self._client.reconnect_delay_set(1, 1)
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = _SESSION_S
        self._client.connect(host, port, clean_start=False, properties=properties)
        self._client.loop_start()
        if not self._subscribed.wait(10):
            raise TimeoutError("the broker does not answer the witness")

    def wait(self, condition: Callable[[], bool], seconds: float) -> bool:
        """True if a condition became true in time."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while not condition():
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(min(left, 0.05))
        return True

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def running_at(self) -> list[float]:
        """Monotonic times at which the state became running."""
        return [at for at, state in self.states if state == "running"]

    def out_of_order(self) -> int:
        """Verdicts that came after a later one of the same run."""
        latest: dict[str, int] = {}
        wrong = 0
        for identity in self.verdicts:
            run, number = identity.rsplit("-", 1)
            wrong += int(number) < latest.get(run, -1)
            latest[run] = max(latest.get(run, -1), int(number))
        return wrong

    def command_times(self, travel_s: float) -> CommandTimes:
        """Of all commands whose parts have a verdict, on a steady belt.

        The station's word counts for one thing only: when the picture of a part was taken, which was written
        down before anything was decided. The rest is the witness's own clock.
        """
        with self._changed:
            known = [
                (came, due, self._captured[part] + travel_s)
                for part, came, due in self._command_times
                if part in self._captured
            ]
        return CommandTimes(
            judged=len(known),
            late=sum(came > there + TRANSPORT_S for came, _, there in known),
            shifted=sum(abs(due - there) > TOGETHER_S for _, due, there in known),
        )

    def _has_subscribed(self, *_: object) -> None:
        with self._changed:
            self.subscriptions += 1
            self._changed.notify_all()
        self._subscribed.set()

    def _take(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        kind = message.topic.removeprefix(f"{self._base}/")
        with self._changed:
            if kind == "verdict":
                self._take_verdict(bytes(message.payload))
            elif kind in ("reject", "pass"):
                parts = self.rejected_parts if kind == "reject" else self.passed_parts
                self._take_command(json.loads(message.payload), parts)
            elif kind == "stats":
                self.commands_unsent = max(
                    self.commands_unsent, json.loads(message.payload)["commands_unsent"]
                )
            elif kind == "alarm":
                alarm = json.loads(message.payload)
                self.alarms.append((alarm["alarm"], alarm["raised"]))
            elif kind == "status":
                status = json.loads(message.payload)
                self.states.append((time.monotonic(), status["state"]))
                self.states_since.append((_seconds(status["since"]), status["state"]))
            self._changed.notify_all()

    def _take_verdict(self, payload: bytes) -> None:
        verdict = json.loads(payload)
        identity = verdict["id"]
        if identity not in self.verdicts:
            self.verdicts[identity] = payload
            self.arrived[identity] = time.time()
            self._captured[verdict["part"]] = _seconds(verdict["captured_at"])
            if verdict["action"] == "pass":
                self.passing_frames.append(_seconds(verdict["captured_at"]))
        elif self.verdicts[identity] == payload:
            self.repeated += 1
        else:
            self.two_contents.append(identity)

    def _take_command(self, command: dict[str, object], parts: set[str]) -> None:
        self.commands += 1
        self.commands_sent_late += float(str(command["due_in_ms"])) < 0
        self.commands_here_late += datetime.now(UTC) > datetime.fromisoformat(str(command["valid_until"]))
        if command["part"] is not None:
            due = _seconds(str(command["due_at"]))
            self._command_times.append((str(command["part"]), time.time(), due))
            parts.add(str(command["part"]))


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
