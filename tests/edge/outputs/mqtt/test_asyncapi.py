"""The AsyncAPI document says what a station does."""

import json
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from edge.alarms.register import AlarmEvent, Change
from edge.core.decision import Verdict
from edge.gate.gate import GateCommand
from edge.outputs.events import Disagreement, LatestPart, StateChanged
from edge.outputs.mqtt.announcer import Announcer
from edge.outputs.mqtt.asyncapi import STATION, asyncapi, channels
from edge.outputs.mqtt.client import BrokerLink, Incoming
from edge.outputs.mqtt.messages import MESSAGES
from edge.outputs.mqtt.requests import REQUESTS
from edge.outputs.mqtt.schemas import schema_name
from edge.outputs.mqtt.topics import Topics
from edge.outputs.requests import Answer, CommandRequest
from edge.settings.alarms import Alarm
from testing.nodes import node_modules

DOCS = Path(__file__).parents[4] / "docs" / "reference"
PARSE = """
import {Parser, fromFile} from '@asyncapi/parser';
const {document, diagnostics} = await fromFile(new Parser(), process.argv[1]).parse();
const wrong = diagnostics.filter(found => found.severity < 2).map(found => found.message);
console.log(JSON.stringify({
  wrong,
  topics: document ? document.channels().all().map(channel => channel.address()) : [],
  operations: document ? document.operations().all().length : 0,
}));
"""


class FakeLink:
    """Notes how each message is published."""

    protocol = "5"

    def __init__(self) -> None:
        self.published: dict[str, tuple[int, bool, bool]] = {}

    def publish(self, topic: str, payload: bytes, *, qos: int, retain: bool = False, **more: Any) -> object:
        self.published[topic] = (qos, retain, "expires_s" in more)
        return object()


def references(value: Any) -> Iterator[str]:
    """Every $ref in a JSON document."""
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from references(inner)


def document() -> dict[str, Any]:
    return cast("dict[str, Any]", json.loads(asyncapi()))


def test_docs_hold_the_document_of_the_code() -> None:
    assert (DOCS / "asyncapi.json").read_text("utf-8") == asyncapi(), "`make schemas` writes it again"


def test_every_topic_and_every_message_stands_in_it() -> None:
    topics = Topics(STATION)
    spoken = set(vars(topics).values()) - {topics.base}
    heard = {topics.incoming(kind) for kind in REQUESTS}
    assert {channel.address for channel in channels()} == spoken | heard
    assert {channel.model for channel in channels()} == {*MESSAGES, *REQUESTS.values()}


def test_every_reference_leads_to_something() -> None:
    for reference in references(document()):
        file, _, path = reference.partition("#/")
        place = json.loads((DOCS / file).read_text("utf-8")) if file else document()
        for key in filter(None, path.split("/")):
            place = place[key]


def test_it_says_how_each_message_is_really_published() -> None:
    link = FakeLink()
    announcer = Announcer(STATION, cast("BrokerLink", link), simulated=True)
    announcer.status(StateChanged("ready", datetime.now(UTC), None, "0" * 64, "default"))
    for action in ("reject", "pass"):
        announcer.command(GateCommand("A-1", action, time.monotonic() + 60, time.monotonic() + 61, 50.0))
    announcer.bits(LatestPart(ready=True, busy=False, result_valid=False, result_ok=False, part=None))
    announcer.alarm(AlarmEvent(Change(Alarm.BIN, "text", None, 1, raised=True), datetime.now(UTC)))
    announcer.shadow(Disagreement("1", "A-1", Verdict.OK, 0.1, "0" * 64, Verdict.DEFECT, 0.9, None, "1" * 64))
    asked = Incoming(f"{announcer.topics.base}/command", b"", retained=False, received=0.0)
    announcer.response(
        asked, CommandRequest(id="1", command="reset"), Answer(None, None, "ready", "0" * 64, "default")
    )
    spoken = {
        channel.address: (channel.qos, channel.retain, channel.expires)
        for channel in channels()
        if channel.action == "send" and channel.name not in ("verdict", "stats")
    }
    assert link.published == spoken


def test_each_message_is_named_as_its_schema() -> None:
    names = {schema_name(model) for model in (*MESSAGES, *REQUESTS.values())}
    assert names == {path.stem for path in (DOCS / "schemas").glob("*.json")}


def test_the_parser_of_the_asyncapi_initiative_takes_it() -> None:
    modules = node_modules("@asyncapi/parser")
    run = subprocess.run(
        ["node", "--input-type=module", "-e", PARSE, DOCS / "asyncapi.json"],
        cwd=modules.parent, capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = json.loads(run.stdout)
    assert found["wrong"] == []
    assert set(found["topics"]) == {channel.address for channel in channels()}
    assert found["operations"] == len(channels())
