"""A training killed by a signal, and the same command again."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.test_chain import draw
from trainer.__main__ import main as trainer

OPTIONS = ["--size", "32", "--batch-size", "8", "--epochs", "4", "--model", "scratch", "--groups", "none"]


def results(run: Path) -> object:
    document = json.loads((run / "run.json").read_text())
    return document["results"], document["thresholds"], (run / "history.csv").read_text()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw(tmp_path_factory.mktemp("resume") / "data", classes={"ok": 120, "spot": 250}, count=16)


def kill_after_the_first_epoch(arguments: list[str], run: Path) -> None:
    program = subprocess.Popen(
        [sys.executable, "-m", "trainer", *arguments],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not list((run / "checkpoint").glob("*.npz")):
            assert program.poll() is None
            time.sleep(0.02)
    finally:
        program.send_signal(signal.SIGKILL)
        program.wait()


def test_the_same_command_goes_on_and_ends_with_the_same_result(data: Path, tmp_path: Path) -> None:
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    arguments = ["train", str(data), "--out", str(killed), *OPTIONS]
    kill_after_the_first_epoch(arguments, killed)
    assert not (killed / "run.json").exists()
    assert trainer(arguments) == 0
    assert trainer(["train", str(data), "--out", str(whole), *OPTIONS]) == 0
    assert results(killed) == results(whole)
    assert not (killed / "checkpoint").exists()


def test_tensorboard_on_request(data: Path, tmp_path: Path) -> None:
    arguments = ["train", str(data), "--out", str(tmp_path / "run"), *OPTIONS, "--tensorboard"]
    assert trainer([*arguments, "--epochs", "1"]) == 0
    assert list((tmp_path / "run" / "tensorboard").rglob("events*"))


def test_a_folder_that_cannot_be_written_is_one_line(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert trainer(["train", str(data), "--out", str(tmp_path / "file" / "run"), *OPTIONS]) == 2
    complaint = [line for line in capsys.readouterr().err.splitlines() if line.startswith("trainer:")]
    assert len(complaint) == 1
    assert "cannot be written" in complaint[0]


@pytest.mark.parametrize(
    ("kinds", "said"),
    [("flips", "flips: expected all, none, or some of flip,rotation"), ("flip,,zoom", "some of flip")],
)
def test_an_unknown_kind_of_change_is_refused_in_one_line(
    data: Path, tmp_path: Path, kinds: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert trainer(["train", str(data), "--out", str(tmp_path / "run"), "--augment", kinds]) == 2
    assert said in capsys.readouterr().err


def test_the_kinds_of_changes_stand_in_the_run(data: Path, tmp_path: Path) -> None:
    arguments = ["train", str(data), "--out", str(tmp_path / "run"), *OPTIONS, "--epochs", "1"]
    assert trainer([*arguments, "--augment", "zoom,flip"]) == 0
    document = json.loads((tmp_path / "run" / "run.json").read_text())
    assert document["training"]["augment"] == ["flip", "zoom"]
