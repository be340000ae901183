"""`edge --check`: tries settings, bundle, camera and broker, and says what works."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge.camera.source import open_camera, without_password
from edge.errors import CameraError, LinegateError
from edge.inspector import Inspector
from edge.journal import Journal
from edge.mqtt.client import BrokerLink
from edge.mqtt.topics import Topics
from edge.settings import Settings


@dataclass(frozen=True)
class Finding:
    """One thing that was tried; ``text`` says what was seen, or what is wrong and how to mend it."""

    thing: str
    works: bool
    text: str


def check(settings: Settings, load_inspector: Callable[[Settings], Inspector]) -> list[Finding]:
    """Try every outside thing once; settings were valid, or there would be none."""
    steps: dict[str, Callable[[], str]] = {
        "settings": lambda: f"valid; station {settings.station.name}",
        "bundle": lambda: _bundle(settings, load_inspector),
        "camera": lambda: _camera(settings),
        "journal": lambda: _journal(settings),
        "broker": lambda: _broker(settings),
    }
    findings = []
    for thing, step in steps.items():
        try:
            findings.append(Finding(thing, works=True, text=step()))
        except LinegateError as error:
            findings.append(Finding(thing, works=False, text=str(error)))
    return findings


def _bundle(settings: Settings, load_inspector: Callable[[Settings], Inspector]) -> str:
    inspector = load_inspector(settings)
    manifest = inspector.manifest
    same = "bit for bit" if inspector.model.golden_identical else "with the same verdicts"
    return (
        f"{settings.model.path}: {manifest.model_name}, {', '.join(manifest.classes)}; "
        f"its {len(manifest.golden)} golden examples come out {same}"
    )


def _camera(settings: Settings) -> str:
    """Open and read on a thread: a read may block for longer than anybody waits."""
    result: list[str | LinegateError] = []

    def attempt() -> None:
        try:
            camera = open_camera(settings.camera)
            try:
                frame = camera.read()
            finally:
                camera.close()
            if frame is None:
                raise CameraError(f"{camera.description}: gives no frame")
            height, width = frame.image.shape[:2]
            colour = "grey" if frame.image.ndim == 2 else "colour"
            result.append(f"{camera.description}: {width}x{height}, {colour}")
        except LinegateError as error:
            result.append(error)

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join((settings.camera.open_timeout_ms + settings.camera.stall_ms) / 1000 + 1)
    if not result:
        source = without_password(settings.camera.source)
        raise CameraError(f"camera.source: {source}: does not answer; is it on, and is the address right?")
    if isinstance(result[0], LinegateError):
        raise result[0]
    return result[0]


def _journal(settings: Settings) -> str:
    journal = Journal(Path(settings.journal.path), max_rows=settings.journal.max_rows)
    try:
        return f"{settings.journal.path}: can be written; {journal.waiting()} verdicts wait for the broker"
    finally:
        journal.close()


def _broker(settings: Settings) -> str:
    if not settings.mqtt.enabled:
        return "switched off (mqtt.enabled)"
    link = BrokerLink(
        settings.mqtt,
        client_id=f"linegate-{settings.station.name}-check",
        status_topic=f"{Topics(settings.station.name).base}/check",
        last_will=b"",
        on_connected=lambda: None,
        on_acknowledged=lambda _: None,
    )
    protocol = link.try_once()
    return f"{link.address}: lets us in (MQTT {protocol})"


def exit_status(findings: list[Finding]) -> int:
    """0 if everything works, else 1."""
    return 0 if all(finding.works for finding in findings) else 1
