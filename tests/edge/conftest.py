"""Stations to try things on."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.core.images import Image
from edge.core.runtime import load_model
from edge.deployment.deployment import Deployment
from edge.gate.gate import GateCommand
from edge.inspection.heat import Heatmap
from edge.inspection.inspector import Inspection, Inspector
from edge.inspection.statistics import Statistics
from edge.outputs.outputs import Outputs
from edge.records.recorder import Recorder
from edge.records.result import PartResult
from edge.settings.load_settings import load_settings
from edge.settings.recipe import NamedRecipe
from edge.station.app import Station
from tests.edge.station.stand import Stand


@pytest.fixture
def stand(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Stand]]:
    commands: list[GateCommand] = []
    found: list[Inspection] = []
    messages: list[PartResult] = []
    add, record = Statistics.add, Recorder.record

    def note(counts: Statistics, inspection: Inspection) -> None:
        found.append(inspection)
        add(counts, inspection)

    def keep(recorder: Recorder, message: PartResult, image: Image, heatmap: Heatmap | None) -> None:
        messages.append(message)
        record(recorder, message, image, heatmap)

    def send(_self: Outputs, command: GateCommand) -> bool:
        commands.append(command)
        return True

    monkeypatch.setattr(Statistics, "add", note)
    monkeypatch.setattr(Recorder, "record", keep)
    monkeypatch.setattr(Outputs, "command", send)
    made: list[Station] = []

    def make(
        recipes: dict[str, NamedRecipe] | None = None, *, simulated: bool = False, **flags: Any
    ) -> Stand:
        inspector = Inspector(load_model(bundle, threads=1))
        wanted = {"mqtt.enabled": "false", **{k.replace("__", "."): str(v) for k, v in flags.items()}}
        wanted = {"model.path": str(bundle), "model.folder": str(tmp_path), "model.watch_s": "0", **wanted}
        settings = load_settings(None, wanted).model_copy(update={"recipes": recipes or {}})
        deployment = Deployment(settings, inspector)
        station = Station(deployment, simulated=simulated, journal=tmp_path / "journal.sqlite")
        made.append(station)
        station.start()
        return Stand(station, inspector, commands=commands, found=found, messages=messages)

    yield make
    for station in made:
        station.stop(drain_s=0)
