"""`edge --replay --publish`: what a replay finds, over MQTT, marked simulated."""

import math
import tempfile
from pathlib import Path

from edge.changes.served import Served
from edge.errors import BrokerError
from edge.inspector import Inspector
from edge.replay import Replay, replay
from edge.settings import ArchiveSettings, GateSettings, PinSettings, Settings, TriggerSettings
from edge.station import Station

DRAIN_S = 60.0


def replay_and_publish(source: Path, settings: Settings, inspector: Inspector) -> Replay:
    """Replay through a station of its own; raises BrokerError unless every verdict was acknowledged."""
    changes = {
        "gate": _without_belt(settings.gate),
        "trigger": TriggerSettings(),
        "pins": PinSettings(),  # of this device, where a station may be running
        "recipes": {},
        "archive": ArchiveSettings(),
        "model": settings.model.model_copy(update={"watch_s": 0.0}),  # one bundle decides on all of it
    }
    settings = settings.model_copy(update=changes)
    with tempfile.TemporaryDirectory(prefix="linegate-") as folder:
        served = Served(settings, inspector)
        station = Station(served, simulated=True, journal=Path(folder) / "replay.sqlite")
        if station.link is None:
            raise BrokerError("--publish: mqtt.enabled is false")
        station.link.try_once()
        station.start()
        try:
            station.watch(-math.inf)
            station.run()
            result = replay(source, inspector, station.handle)
        finally:
            waiting = station.stop(drain_s=DRAIN_S)
    if waiting:
        raise BrokerError(f"{waiting} verdicts were not acknowledged by the broker at {station.link.address}")
    return result


def _without_belt(gate: GateSettings) -> GateSettings:
    """Stored images come as fast as they can be inspected: none is too close to another, or too many."""
    changes = {"belt": "steady", "min_gap_ms": 0.0, "margin_ms": 0.0, "max_parts": 10**6, "confirm_ms": 0.0}
    return gate.model_copy(update=changes)
