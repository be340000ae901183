"""A replay over MQTT: what of the settings is not for stored images."""

from pathlib import Path
from typing import Any

import pytest

from edge.__main__ import load_inspector
from edge.changes.served import Served
from edge.errors import BrokerError
from edge.load_settings import load_settings
from edge.publish import replay_and_publish


def test_a_replay_archives_nothing_and_looks_for_no_replaced_bundle(
    bundle: Path, parts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Served] = []

    def station(served: Served, **_more: Any) -> None:
        made.append(served)
        raise BrokerError("no station here")

    monkeypatch.setattr("edge.publish.Station", station)
    settings = load_settings(None, {"model.path": str(bundle), "archive.path": "archive"})
    with pytest.raises(BrokerError, match="no station here"):
        replay_and_publish(parts, settings, load_inspector(settings))
    assert (made[0].settings.archive.path, made[0].settings.model.watch_s) == ("", 0)
