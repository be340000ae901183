"""JSON Schemas of all messages, for docs/reference/schemas/: `python -m edge.outputs.mqtt.schemas DIR`."""

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from edge.core.documents import Document
from edge.outputs.mqtt.messages import MESSAGES
from edge.outputs.mqtt.requests import REQUESTS


def schemas() -> dict[str, str]:
    """File name to text of each schema (JSON Schema 2020-12)."""
    documents = {}
    for message in MESSAGES:
        schema = message.model_json_schema(by_alias=True, mode="serialization")
        # A later version may add a key; readers ignore what they don't know.
        for part in (schema, *schema.get("$defs", {}).values()):
            part.pop("additionalProperties", None)
        documents.update(_document(schema_name(message), schema))
    for request in REQUESTS.values():
        documents.update(_document(schema_name(request), request.model_json_schema()))
    return documents


def schema_name(model: type[BaseModel]) -> str:
    """The name of the schema of a message, in or out; its file ends in .json."""
    if issubclass(model, Document):
        return str(model.model_fields["schema_"].default)
    kind = next(kind for kind, request in REQUESTS.items() if request is model)
    name = "station-command" if kind == "command" else kind  # "gate-command" is what goes to the gate
    return f"linegate.{name}.v1"


def _document(name: str, schema: dict[str, Any]) -> dict[str, str]:
    document = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": name, **schema}
    return {f"{name}.json": json.dumps(document, indent=2, ensure_ascii=False) + "\n"}


if __name__ == "__main__":
    for name, text in schemas().items():
        (Path(sys.argv[1]) / name).write_text(text, encoding="utf-8")
