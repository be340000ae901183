"""JSON Schemas of all messages, for docs/schemas/: `python -m edge.mqtt.schemas DIR`."""

import json
import sys
from pathlib import Path

from edge.mqtt.messages import MESSAGES


def schemas() -> dict[str, str]:
    """File name to text of each schema (JSON Schema 2020-12)."""
    documents = {}
    for message in MESSAGES:
        name = message.model_fields["schema_"].default
        schema = message.model_json_schema(by_alias=True, mode="serialization")
        # A later version may add a key; readers ignore what they don't know.
        del schema["additionalProperties"]
        document = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": name, **schema}
        documents[f"{name}.json"] = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    return documents


if __name__ == "__main__":
    for name, text in schemas().items():
        (Path(sys.argv[1]) / name).write_text(text, encoding="utf-8")
