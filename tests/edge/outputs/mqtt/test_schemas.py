"""The published schemas are those of the messages that are sent."""

import json
from datetime import UTC, datetime
from pathlib import Path

from edge.outputs.mqtt.messages import MESSAGES, StatusMessage
from edge.outputs.mqtt.schemas import schemas

FOLDER = Path(__file__).parents[4] / "docs" / "reference" / "schemas"


def test_docs_hold_the_schemas_of_the_code() -> None:
    committed = {path.name: path.read_text("utf-8") for path in FOLDER.glob("*.json")}
    assert committed == schemas(), "`make schemas` writes them again"


def test_every_schema_demands_every_key_that_its_message_has() -> None:
    documents = schemas()
    for message in MESSAGES:
        text = documents[f"{message.model_fields['schema_'].default}.json"]
        names = {field.alias or name for name, field in message.model_fields.items()}
        assert set(json.loads(text)["required"]) == names


def test_a_moment_is_rfc_3339_in_utc_with_milliseconds() -> None:
    message = StatusMessage(station="a", state="ready", since=datetime(2026, 11, 21, 10, tzinfo=UTC))
    assert json.loads(message.payload())["since"] == "2026-11-21T10:00:00.000Z"
