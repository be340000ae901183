"""Settings as version 0.1 called them, read as what they are called now."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from edge.core.images import IMAGE_SUFFIXES

RENAMED = {
    "camera.rate": "camera.replay_fps",
    "trigger.line": "trigger.line_position",
    "trigger.input_chip": "trigger.chip",
    "trigger.input_line": "trigger.line",
    "trigger.input_edge": "trigger.edge",
    "trigger.input_debounce_ms": "trigger.debounce_ms",
}
KEYS = ("camera.source", *RENAMED)
_TRIGGERS = {"frame": "free-run", "seen": "line-crossing"}


def read_earlier(values: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Values by "section.key" as they are called now, and in words what was called otherwise.

    None of the words shows an address: it may hold a password.
    """
    now, said = dict(values), []
    source = now.pop("camera.source", None)
    if isinstance(source, str):
        camera = camera_of(source)
        now |= camera
        keys = "".join(f" with {key}" for key in camera if key != "camera.kind")
        said.append(f'camera.source is camera.kind = "{camera["camera.kind"]}"{keys}')
    trigger = now.get("trigger.kind")
    is_earlier_trigger = trigger in _TRIGGERS or any(key.startswith("trigger.input_") for key in now)
    if trigger in _TRIGGERS:
        now["trigger.kind"] = _TRIGGERS[trigger]
        said.append(f'trigger.kind = "{trigger}" is "{_TRIGGERS[trigger]}"')
    found = [key for key in RENAMED if key in values and (key != "trigger.line" or is_earlier_trigger)]
    for key in found:
        del now[key]
    for key in found:  # "trigger.line" was the name of another one
        now[RENAMED[key]] = values[key]
        said.append(f"{key} is {RENAMED[key]}")
    return now, said


def camera_of(source: str) -> dict[str, str]:
    """The settings of a camera that a device, an address, a pipeline, a video or a folder names."""
    if source == "simulated":
        return {"camera.kind": source}
    kind, key, value = _named(source)
    return {"camera.kind": kind, key: value}


def _named(source: str) -> tuple[str, str, str]:
    """The kind of a source, the key that it is named by, and its value."""
    if source.startswith("gstreamer:"):
        return "pipeline", "camera.pipeline", source.removeprefix("gstreamer:").strip()
    if source.startswith("snapshot:"):
        return "snapshot", "camera.url", source.removeprefix("snapshot:").strip()
    if "://" in source:
        return ("snapshot" if _is_picture(source) else "stream"), "camera.url", source
    if source.isdecimal() or source.startswith("/dev/"):
        return "device", "camera.device", source
    return "file", "camera.path", source


def _is_picture(url: str) -> bool:
    if not url.startswith(("http://", "https://")):
        return False
    try:
        return Path(urlsplit(url).path).suffix.lower() in IMAGE_SUFFIXES
    except ValueError:  # no address
        return False
