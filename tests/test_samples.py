"""The committed samples work as the README says, with the default settings."""

import json
from pathlib import Path

import pytest

from edge.__main__ import main
from edge.core.photographs.listing import list_images
from edge.outputs.mqtt.asyncapi import channels

ROOT = Path(__file__).parents[1]
BUNDLE = ROOT / "samples" / "demo.tflite"


def test_the_demo_bundle_is_small() -> None:
    assert BUNDLE.stat().st_size < 200_000


def test_the_sample_parts_are_labelled_by_folder() -> None:
    labels = [path.parent.name for path in list_images(ROOT / "samples" / "parts")]
    assert labels.count("ok") >= 12
    assert labels.count("defect") >= 12
    assert len(labels) == labels.count("ok") + labels.count("defect")


def test_the_demo_bundle_knows_the_sample_parts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["--replay", "samples/parts", "--json"]) == 0
    labelled = json.loads(capsys.readouterr().out)["labelled"]
    assert labelled["accuracy"] >= 0.9


def test_the_demo_bundle_finds_what_the_simulated_conveyor_draws(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = ["--camera.seed", "77"]  # neither the training's nor the samples'
    for name in ("ok", "defect"):
        assert main(["--capture", str(tmp_path / name), "--count", "150", *seed]) == 0
    capsys.readouterr()
    assert main(["--replay", str(tmp_path), "--model", str(BUNDLE), "--json"]) == 0
    labelled = json.loads(capsys.readouterr().out)["labelled"]
    assert labelled["accuracy"] >= 0.95


def test_the_node_red_flow_is_wired_and_keeps_to_the_topics_of_a_station() -> None:
    flow = json.loads((ROOT / "samples" / "node-red" / "flow.json").read_text("utf-8"))
    names = {node["id"] for node in flow}
    assert len(names) == len(flow)
    assert {wire for node in flow for output in node.get("wires", []) for wire in output} <= names
    actions = {channel.address.format(station="station-1"): channel.action for channel in channels()}
    for node in flow:
        topic = node.get("topic") or ""
        if topic.startswith("inspection/") and "/response/" not in topic:
            assert node["type"] == {"send": "mqtt in", "receive": "mqtt out"}[actions[topic]]
            assert node["qos"] == "1"
