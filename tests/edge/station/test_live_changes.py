"""Bundles, recipes and settings change on a running daemon, over a real mosquitto."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.activations import campaign
from testing.brokers import MosquittoBroker
from testing.stations import EdgeProcess
from tests.edge.deployment.bundles import store
from tests.edge.station.test_live_messages import Plc

pytestmark = pytest.mark.broker


@pytest.fixture
def plc(broker: MosquittoBroker) -> Plc:
    return Plc(broker)


@pytest.mark.parametrize("votes", [1, 3])
def test_over_many_activations_no_part_is_missed_and_none_is_judged_by_two_bundles(
    votes: int, broker: MosquittoBroker, tmp_path: Path
) -> None:
    report = campaign(20, rate=40, folder=tmp_path, broker=broker, votes=votes, quiet_s=0)
    assert report.wrong == []
    assert (report.activations, report.dropped) == (20, 0)
    assert len(report.by_model) == 2
    assert report.memory[2][1].threads == report.memory[-1][1].threads


def test_what_is_changed_by_command_is_said_and_stays_over_a_restart(
    bundle: Path, plc: Plc, edge_process: Callable[..., EdgeProcess], broker: MosquittoBroker, tmp_path: Path
) -> None:
    folder, file = tmp_path / "bundles", tmp_path / "config.toml"
    one, two = store(folder, "one.tflite", size=16), store(folder, "two.tflite", size=24)
    text = f"""
        [model]
        path = "{bundle}"
        folder = "{folder}"
        [camera]
        rate = 20
        size = 64
        max_age_ms = 5000
        [mqtt]
        port = {broker.port}
        [journal]
        path = "{tmp_path / "journal.sqlite"}"
        [recipes.can]
        bundle = "{one.path}"
        """
    file.write_text(text)

    def answer(number: str) -> tuple[bool, str | None]:
        plc.wait(lambda: number in plc.answers())
        return plc.answers()[number]["done"], plc.answers()[number]["bundle_sha256"]

    running = edge_process("--config", str(file))
    plc.wait(lambda: plc.state() == "running")
    plc.send("command", {"id": "1", "command": "recipe", "recipe": "can"})
    assert answer("1") == (True, one.sha256)
    plc.send("command", {"id": "2", "command": "activate", "bundle": two.name, "sha256": two.sha256})
    assert answer("2") == (True, two.sha256)
    plc.wait(lambda: (plc.watcher.of("verdict")[-1]["bundle_sha256"]) == two.sha256)
    plc.send("command", {"id": "3", "command": "activate", "bundle": two.name, "sha256": one.sha256})
    assert answer("3") == (False, two.sha256)
    plc.wait(lambda: len(plc.watcher.of("alarm")) == 1)
    file.write_text(text.replace("rate = 20", "rate = 10") + "ok_below = 0\ndefect_from = 0\n")
    running.process.send_signal(signal.SIGHUP)
    plc.wait(lambda: plc.watcher.of("verdict")[-1]["verdict"] == "defect")
    for number in range(4, 100):  # busy until that is kept for the next start
        plc.send("command", {"id": str(number), "command": "reload"})
        done, bundle_sha256 = answer(str(number))
        if done:
            break
    assert (done, bundle_sha256) == (True, two.sha256)
    assert plc.answers()[str(number)]["note"] == "needs a restart: camera.replay_fps"
    running.process.send_signal(signal.SIGTERM)
    status, said = running.finish()
    assert status == 0, said
    assert "reload: done (needs a restart: camera.replay_fps)" in said
    plc.watcher.messages.clear()
    edge_process("--config", str(file))
    plc.wait(lambda: plc.state() == "running")
    status_message = plc.watcher.of("status")[-1]
    assert (status_message["bundle_sha256"], status_message["recipe"]) == (two.sha256, "can")
    plc.watcher.close()


def test_a_bundle_on_trial_when_the_process_is_killed_gives_way_at_the_next_start(
    bundle: Path, plc: Plc, edge_process: Callable[..., EdgeProcess], broker: MosquittoBroker, tmp_path: Path
) -> None:
    two = store(tmp_path / "bundles", "two.tflite", size=24)
    arguments = (
        "--config", "/dev/null", "--mqtt.port", str(broker.port), "--journal.path", str(tmp_path / "journal"),
        "--model", str(bundle), "--model.folder", str(two.path.parent), "--model.trial_frames", "100000",
        "--camera.replay_fps", "20", "--camera.size", "64", "--camera.max_age_ms", "5000",
    )  # fmt: skip
    running = edge_process(*arguments)
    plc.wait(lambda: plc.state() == "running")
    first = plc.watcher.of("status")[-1]["bundle_sha256"]
    plc.send("command", {"id": "1", "command": "activate", "bundle": two.name, "sha256": two.sha256})
    plc.wait(lambda: any(m["bundle_sha256"] == two.sha256 for m in plc.watcher.of("verdict")))
    running.process.kill()
    running.finish()
    plc.watcher.messages.clear()
    running = edge_process(*arguments)
    plc.wait(lambda: plc.state() == "running" and bool(plc.watcher.of("alarm")))
    assert plc.watcher.of("status")[-1]["bundle_sha256"] == first
    (alarm,) = plc.watcher.of("alarm")
    assert (alarm["alarm"], alarm["raised"]) == ("bundle", True)
    running.process.send_signal(signal.SIGTERM)
    status, said = running.finish()
    assert status == 0
    assert f"{two.path}: the process ended while this was on trial; {bundle} is back in service" in said
    plc.watcher.close()
