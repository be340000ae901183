"""`edge --replay` over stored images."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.__main__ import main


def _replay(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(["--replay", *arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_the_document_holds_what_the_contract_names(
    parts: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = _replay(capsys, str(parts), "--model", str(bundle), "--json")
    document = json.loads(out)
    assert status == 0
    assert document["inspected"] == 7
    assert document["verdicts"] == {"ok": 4, "defect": 3, "unsure": 0, "fault": 0}
    assert set(document["latency_ms"]) == {"p50", "p95", "p99"}
    assert document["labelled"]["images"] == document["labelled"]["correct"] == 7
    names = {"accuracy", "balanced_accuracy", "auroc", "escapes", "overkill", "unsure", "accuracy_low"}
    assert names <= set(document["labelled"])
    assert set(document["inspections"][0]) == {"file", "label", "verdict", "class", "score"}
    assert len(document["model"]) == 64


def test_the_same_images_give_the_same_inspections(
    parts: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [
        json.loads(_replay(capsys, str(parts), "--model", str(bundle), "--json")[1])["inspections"]
        for _ in range(2)
    ]
    assert runs[0] == runs[1]


def test_a_damaged_image_is_named_and_the_rest_goes_on(
    parts: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (parts / "ok" / "0.png").write_bytes((parts / "ok" / "0.png").read_bytes()[:100])
    cv2.imwrite(str(parts / "ok" / "tiny.png"), np.zeros((1, 1), np.uint8))
    status, out, err = _replay(capsys, str(parts), "--model", str(bundle), "--json")
    assert status == 0
    assert json.loads(out)["inspected"] == 6
    assert len(json.loads(out)["left_out"]) == 2
    assert "0.png: the image is truncated; left out" in err
    assert "tiny.png" in err


def test_folders_that_tell_nothing_are_not_labelled(
    parts: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (parts / "ok").rename(parts / "monday")
    (parts / "defect").rename(parts / "tuesday")
    _, out, _ = _replay(capsys, str(parts), "--model", str(bundle), "--json")
    assert json.loads(out)["labelled"] is None


def test_any_folder_beside_an_ok_folder_holds_defects(
    parts: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (parts / "ok").rename(parts / "Good")
    (parts / "defect").rename(parts / "scratch")
    _, out, _ = _replay(capsys, str(parts), "--model", str(bundle), "--json")
    assert json.loads(out)["labelled"]["correct"] == 7


def test_one_image_and_one_class_folder_can_be_replayed(
    parts: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = _replay(capsys, str(parts / "ok" / "1.png"), "--model", str(bundle), "--json")
    assert status == 0
    assert json.loads(out)["verdicts"]["ok"] == 1
    _, out, _ = _replay(capsys, str(parts / "ok"), "--model", str(bundle), "--json")
    assert json.loads(out)["labelled"]["images"] == 4


def test_a_video_can_be_replayed(tmp_path: Path, bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "line.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for level in (20, 230, 20, 230, 230):
        writer.write(np.full((48, 64, 3), level, np.uint8))
    writer.release()
    status, out, _ = _replay(capsys, str(path), "--model", str(bundle), "--json")
    assert status == 0
    assert json.loads(out)["verdicts"] == {"ok": 3, "defect": 2, "unsure": 0, "fault": 0}


def test_thresholds_of_the_recipe_make_a_band_of_unsure_parts(
    parts: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    band = ["--recipe.ok_below", "0", "--recipe.defect_from", "1"]
    _, out, _ = _replay(capsys, str(parts), "--model", str(bundle), "--json", *band)
    document = json.loads(out)
    assert document["verdicts"]["unsure"] == 7
    assert document["labelled"]["overkill"] == 4
    assert document["labelled"]["unsure"] == 7


def test_the_report_is_a_table(parts: Path, bundle: Path, tmp_path: Path) -> None:
    assert main(["--replay", str(parts), "--model", str(bundle), "--report", str(tmp_path / "r")]) == 0
    assert len((tmp_path / "r" / "inspections.csv").read_text().splitlines()) == 8


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--replay", "absent"], "absent: no such folder, image or video"),
        (["--replay", "empty"], "empty: no images in this folder"),
        (["--replay", "notes.txt"], "neither a folder"),
        (["--replay", "parts", "--model", "absent.tflite"], "absent.tflite: no such bundle"),
        (["--replay", "parts", "--nonsense"], "--nonsense"),
        (["--publish"], "--publish: goes with --replay"),
        (["--config", "absent.toml"], "absent.toml"),
        (["--camera.kind", "file", "--camera.path", "absent-folder", "--capture", "out/ok"], "camera.path"),
    ],
)
def test_wrong_use_is_one_line_and_status_2(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    bundle: Path,
    parts: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("x")
    if "--model" not in arguments:
        arguments = [*arguments, "--model", str(bundle)]
    assert main(arguments) == 2
    err = capsys.readouterr().err.strip()
    assert said in err
    assert "\n" not in err


def test_without_tensorflow_a_replay_runs_on_stored_frames(parts: Path, bundle: Path) -> None:
    import subprocess
    import sys

    program = (
        "import sys\n"
        "class Refuse:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('tensorflow', 'keras', 'trainer', 'quantize', 'matplotlib'):\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Refuse())\n"
        "from edge.__main__ import main\n"
        f"sys.exit(main(['--replay', {str(parts)!r}, '--model', {str(bundle)!r}]))\n"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "7 of 7 labelled images right" in done.stdout


def test_a_recipe_decides_by_its_own_thresholds(
    bundle: Path, parts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "line.toml"
    file.write_text("[recipes.strict]\nok_below = 0\ndefect_from = 0\n")
    common = ["--config", str(file), "--model", str(bundle), "--replay", str(parts), "--json", "--recipe"]
    assert main([*common, "strict"]) == 0
    assert json.loads(capsys.readouterr().out)["verdicts"]["defect"] == 7
    assert main([*common, "absent"]) == 2
    assert "--recipe absent: there is no such recipe, but default, strict" in capsys.readouterr().err
