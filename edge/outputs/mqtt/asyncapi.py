"""Topics and messages as an AsyncAPI 3 document; `make schemas` writes docs/reference/asyncapi.json."""

import json
import sys
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel

from edge.outputs.mqtt.inbox import MAY_BE_RETAINED
from edge.outputs.mqtt.messages import (
    AlarmMessage,
    BitsMessage,
    CommandMessage,
    ResponseMessage,
    ShadowMessage,
    StatsMessage,
    StatusMessage,
)
from edge.outputs.mqtt.requests import REQUESTS
from edge.outputs.mqtt.schemas import schema_name
from edge.outputs.mqtt.topics import Topics
from edge.records.result import PartResult

STATION = "{station}"
_BINDING = "0.2.0"  # of the MQTT bindings that are used here


@dataclass(frozen=True)
class Channel:
    """A topic: who sends what on it, and how; ``action`` is the station's own part."""

    address: str
    action: Literal["send", "receive"]
    model: type[BaseModel]
    qos: Literal[0, 1]
    retain: bool = False
    expires: bool = False

    @property
    def name(self) -> str:
        """The last part of the topic."""
        return self.address.rsplit("/", 1)[1]


def channels() -> list[Channel]:
    """All topics of a station, those that it speaks on first."""
    topics = Topics(STATION)
    return [
        Channel(topics.status, "send", StatusMessage, 1, retain=True),
        Channel(topics.verdict, "send", PartResult, 1),
        Channel(topics.reject, "send", CommandMessage, 1, expires=True),
        Channel(topics.pass_, "send", CommandMessage, 1, expires=True),
        Channel(topics.alarm, "send", AlarmMessage, 1),
        Channel(topics.stats, "send", StatsMessage, 0, retain=True),
        Channel(topics.bits, "send", BitsMessage, 1, retain=True),
        Channel(topics.shadow, "send", ShadowMessage, 1),
        Channel(topics.response, "send", ResponseMessage, 1),
        *(
            Channel(topics.incoming(kind), "receive", model, 1, retain=kind in MAY_BE_RETAINED)
            for kind, model in REQUESTS.items()
        ),
    ]


def asyncapi() -> str:
    """The document as JSON; the payloads are the files in docs/reference/schemas."""
    found = channels()
    document = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Linegate station",
            "version": "1.0.0",
            "description": "What an inspection station publishes and accepts over MQTT; "
            "docs/reference/mqtt.md has the rules.",
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "broker": {
                "host": "broker.example:8883",
                "protocol": "secure-mqtt",
                "protocolVersion": "5",
                "description": "Any broker of MQTT 5 or 3.1.1, with TLS or without.",
            }
        },
        "channels": {channel.name: _channel(channel) for channel in found},
        "operations": {f"{channel.action}_{channel.name}": _operation(channel) for channel in found},
        "components": {
            "messages": {schema_name(channel.model): _message(channel.model) for channel in found},
            "parameters": {"station": {"description": "station.name in the settings"}},
        },
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _channel(channel: Channel) -> dict[str, Any]:
    return {
        "address": channel.address,
        "parameters": {"station": {"$ref": "#/components/parameters/station"}},
        "messages": {"message": {"$ref": f"#/components/messages/{schema_name(channel.model)}"}},
    }


def _operation(channel: Channel) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "action": channel.action,
        "channel": {"$ref": f"#/channels/{channel.name}"},
        "bindings": {"mqtt": {"qos": channel.qos, "retain": channel.retain, "bindingVersion": _BINDING}},
    }
    if channel.expires:
        operation["description"] = "Expires (MQTT 5) when it is of no more use: at `valid_until`."
    if channel.name == "command":
        operation["description"] = "The answer goes to the response topic (MQTT 5) where one is given."
        operation["reply"] = {
            "channel": {"$ref": "#/channels/response"},
            "messages": [{"$ref": "#/channels/response/messages/message"}],
        }
    return operation


def _message(model: type[BaseModel]) -> dict[str, Any]:
    name = schema_name(model)
    message: dict[str, Any] = {
        "name": name,
        "summary": model.__doc__,
        "payload": {"$ref": f"schemas/{name}.json"},
    }
    if model in (ResponseMessage, REQUESTS["command"]):
        message["correlationId"] = {"location": "$message.payload#/id"}
    return message


if __name__ == "__main__":
    sys.stdout.write(asyncapi())
