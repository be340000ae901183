"""Pictures that a station archived: the folder that they lie in is a verdict, and no truth.

edge/records/archive.py writes ``DAY/VERDICT/STAMP-ID.png`` and, beside it, its message as JSON and its
heatmap, which is no photograph.
"""

import json
import re
from pathlib import Path

from edge.core.decision import Verdict

HEAT_ENDING = ".heat.png"

_SCHEMA = "linegate.verdict."
_MOST_BYTES = 64 * 1024
_STEM = re.compile(r"(\d{8})T\d{9}Z-[a-z0-9]{1,32}-\d{1,18}")


def is_heatmap(picture: Path) -> bool:
    """True if a station, or its page, made this heatmap of a photograph, wherever it lies now."""
    return picture.name.lower().endswith(HEAT_ENDING)


def is_archived(picture: Path) -> bool:
    """True if a station put it there: its message is beside it, or its folders and name are those."""
    stem = _STEM.fullmatch(picture.stem)
    folder = picture.parent
    if stem and folder.name in set(Verdict) and folder.parent.name == stem[1]:
        return True
    return _has_message(picture)


def _has_message(picture: Path) -> bool:
    beside = picture.with_name(f"{picture.stem}.json")
    try:
        if not beside.is_file() or beside.stat().st_size > _MOST_BYTES:
            return False
        said = json.loads(beside.read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(said, dict) and str(said.get("schema", "")).startswith(_SCHEMA)
