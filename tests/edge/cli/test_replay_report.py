"""`edge --replay --report --compare --max-escapes --min-accuracy`: a page, another bundle, limits."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.__main__ import main
from edge.cli.replay_gallery import MOST
from edge.core.bundle.bundle import decode_bundle, encode_bundle, write_bundle
from edge.core.decision import Thresholds
from edge.core.metrics import exact_mcnemar
from testing.toy_model import toy_bundle_bytes
from tests.edge.cli.test_replay_counts import BRIGHT, DARK, draw


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """Two good parts that pass, one that is rejected, and a defect that passes."""
    data = tmp_path / "data"
    draw(data / "ok", BRIGHT, "1.png", "2.png")
    draw(data / "ok", DARK, "dark.png")
    draw(data / "defect", DARK, "1.png", "2.png")
    draw(data / "defect", BRIGHT, "<b>bright.png")
    return data


def run(*words: object) -> int:
    return main(["--replay", *map(str, words)])


def test_the_page_holds_all_that_a_person_would_look_at(parts: Path, bundle: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert run(parts, "--model", bundle, "--report", page) == 0
    text = page.read_text("utf-8")
    for words in (
        "6 images: 3 ok, 3 defect, 0 unsure, 0 fault",
        "1 defect passed as ok",
        "4 of 6, 66.67%",
        "Defects that passed, the lowest scores first",
        "&lt;b&gt;bright.png, is defect; said ok",
        "ok/dark.png, is ok; said defect",
        "frame to decision, ms",
        "6 files seen, 6 used, 0 left out",
        "ok below, defect from",
    ):
        assert words in text, words
    assert "<b>" not in text
    assert not re.search(r"(src|href)=.(?!data:)", text), "it opens without a network"
    assert "<script" not in text


def test_a_folder_gets_the_page_and_the_table(parts: Path, bundle: Path, tmp_path: Path) -> None:
    assert run(parts, "--model", bundle, "--report", tmp_path / "r") == 0
    assert sorted(path.name for path in (tmp_path / "r").iterdir()) == ["inspections.csv", "report.html"]


def test_pictures_are_bounded_however_many_are_wrong(bundle: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    draw(data / "defect", BRIGHT, *(f"{number}.png" for number in range(MOST + 6)))
    draw(data / "ok", BRIGHT, *(f"{number}.png" for number in range(MOST + 7)))
    page = tmp_path / "page.html"
    assert run(data, "--model", bundle, "--report", page) == 0
    text = page.read_text("utf-8")
    assert text.count("<figure") == 2 * MOST
    assert f"Defects that passed, the lowest scores first ({MOST} of {MOST + 6})" in text


def test_a_page_that_cannot_be_written_is_said_and_leaves_nothing(
    parts: Path, bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(parts, "--model", bundle, "--report", tmp_path / "absent" / "page.html") == 2
    assert "page.html: cannot be written (No such file or directory)" in capsys.readouterr().err
    assert not (tmp_path / "absent").exists()


@pytest.mark.parametrize(
    ("limits", "status", "said"),
    [
        (["--max-escapes", "1"], 0, ""),
        (["--max-escapes", "0"], 1, "edge: 1 escapes are more than --max-escapes 0"),
        (["--min-accuracy", "0.66"], 0, ""),
        (["--min-accuracy", "0.67"], 1, "edge: accuracy 0.6667 is less than --min-accuracy 0.67"),
    ],
)
def test_limits_decide_the_exit_status_and_the_work_is_done_all_the_same(
    parts: Path, bundle: Path, capsys: pytest.CaptureFixture[str], limits: list[str], status: int, said: str
) -> None:
    assert run(parts, "--model", bundle, *limits, "--json") == status
    output = capsys.readouterr()
    assert json.loads(output.out)["labelled"]["escapes"] == 1
    assert output.err.strip() == said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--max-escapes", "0"], "--max-escapes: {data} tells no truth to judge by"),
        (["--min-accuracy", "1"], "--min-accuracy: {data} tells no truth to judge by"),
        (["--max-escapes", "-1"], "--max-escapes -1: expected a count, 0 or more"),
        (["--min-accuracy", "99"], "--min-accuracy 99.0: expected a share from 0 to 1"),
        (["--compare", "absent.tflite"], "absent.tflite"),
    ],
)
def test_a_limit_that_cannot_be_judged_is_wrong_usage(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    data = draw(tmp_path / "loose", BRIGHT, "1.png", "2.png")
    assert run(data, "--model", bundle, *words) == 2
    error = capsys.readouterr().err.strip()
    assert said.format(data=data) in error
    assert len(error.splitlines()) == 1


def test_limits_go_with_a_replay_alone(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--max-escapes", "0"], ["--min-accuracy", "0"], ["--compare", "x.tflite"]):
        assert main(words) == 2
        assert f"{words[0]}: goes with --replay" in capsys.readouterr().err


def rejecting_all(path: Path) -> Path:
    """The same graph, with thresholds that let nothing pass."""
    bundle = decode_bundle(toy_bundle_bytes(), "toy")
    none = Thresholds(ok_below=0, defect_from=0, chosen="for this test")
    manifest = bundle.manifest.model_copy(update={"thresholds": none})
    write_bundle(path, encode_bundle(manifest, bundle.flatbuffer, bundle.golden_inputs))
    return path


def compared(parts: Path, bundle: Path, other: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert run(parts, "--model", bundle, "--compare", other, "--json") == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)["compared"]
    return found


def test_another_bundle_is_compared_picture_by_picture(
    parts: Path, bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    same = compared(parts, bundle, bundle, capsys)
    assert (same["differing"], same["only_first_right"], same["only_other_right"]) == ([], 0, 0)
    assert same["p_value"] == 1
    other = rejecting_all(tmp_path / "other.tflite")
    found = compared(parts, bundle, other, capsys)
    assert (found["only_first_right"], found["only_other_right"], found["p_value"]) == (2, 1, 1)
    assert (found["labelled"]["escapes"], found["labelled"]["overkill"]) == (0, 3)
    assert {(one["file"], one["verdict"], one["other"]["verdict"]) for one in found["differing"]} == {
        (file, "ok", "defect") for file in ("ok/1.png", "ok/2.png", "defect/<b>bright.png")
    }
    page = tmp_path / "page.html"
    assert run(parts, "--model", bundle, "--compare", other, "--report", page) == 0
    assert "Beside another bundle" in page.read_text("utf-8")
    assert "right alone: it 1, this one 2 (exact McNemar test: p = 1)" in capsys.readouterr().out


@given(st.integers(0, 60), st.integers(0, 60))
def test_the_exact_test_is_symmetric_and_surer_the_more_pairs_speak_one_way(first: int, other: int) -> None:
    assert 0 < exact_mcnemar(first, other) <= 1
    assert exact_mcnemar(first, other) == exact_mcnemar(other, first)
    if first > other:
        assert exact_mcnemar(first + 1, other) <= exact_mcnemar(first, other)


def test_the_exact_test_gives_the_values_of_the_binomial_distribution() -> None:
    assert exact_mcnemar(0, 0) == 1
    assert exact_mcnemar(5, 0) == pytest.approx(2 / 2**5)
    assert exact_mcnemar(8, 1) == pytest.approx(2 * (1 + 9) / 2**9)
