"""The manifest of a bundle: for people, for programs, and as a model card."""

import json
import re
from pathlib import Path

import pytest

from edge.core.bundle.bundle import Bundle, decode_bundle, read_bundle
from quantize.__main__ import main
from quantize.card import model_card
from quantize.describe import describe
from testing.toy_model import toy_bundle_bytes
from tests.edge.deployment.bundles import store_deadly

DEMO = Path(__file__).parents[2] / "samples" / "demo.tflite"


@pytest.fixture(scope="module")
def demo() -> Bundle:
    return read_bundle(DEMO)


def test_for_people_it_says_what_was_measured_and_on_what(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(DEMO)]) == 0
    said = capsys.readouterr().out
    assert "binary: ok, defect; OK: ok" in said
    assert "ok 2400 + 600, defect 2400 + 600 (learned from + validation)" in said
    assert "int8   1193 of 1200 right (99.42%), 7 escapes, 0 overkill" in said


def test_for_programs_it_is_the_manifest(demo: Bundle, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(DEMO), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "model": demo.sha256,
        "signed_by": None,
        **json.loads(demo.manifest.model_dump_json()),
    }


def test_the_card_is_written_beside_what_is_printed(tmp_path: Path, demo: Bundle) -> None:
    assert main(["inspect", str(DEMO), "--card", str(tmp_path / "card.md")]) == 0
    assert (tmp_path / "card.md").read_text("utf-8") == model_card(demo)


def test_a_card_that_cannot_be_written_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["inspect", str(DEMO), "--card", str(tmp_path / "file" / "card.md")]) == 2
    assert "card.md: cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize(
    "said",
    [
        "| ok | 2400 | 600 |",
        "`cdc55dc81f5ce515ef39a37fc5078125c71fd350409a377109d11eaf2010e6a7`",
        "On validation, random, 80:20, seed 1.",
        "| escapes among defects | 7 of 600, 1.17% (0.57% to 2.39%) | 7 of 600, 1.17% (0.57% to 2.39%) |",
        "| overkill among OK | 0 of 600, 0.00% (0.00% to 0.64%) | 0 of 600, 0.00% (0.00% to 0.64%) |",
        "int8 changed 0 of 1200 decisions.",
        "- Thresholds of the run, 0.3486: 0 decisions changed, 0 new escapes; 7 escapes, 0 overkill",
        "best balanced accuracy on the validation images",
        "As the only check where an escape can hurt somebody.",
        "| tensorflow | 2.21.0 |",
    ],
)
def test_the_card_says_what_was_learned_measured_and_chosen(demo: Bundle, said: str) -> None:
    assert said in model_card(demo)


def test_the_card_warns_where_no_part_was_held_out(demo: Bundle) -> None:
    warning = "it was not measured on parts that training never saw"
    results = demo.manifest.results
    assert results is not None
    by_part = results.model_copy(update={"split": "validation, by part (30 groups), 80:20"})
    other = Bundle(demo.manifest.model_copy(update={"results": by_part}), b"", [], "")
    assert warning in model_card(demo)
    assert warning not in model_card(other)


def test_the_card_says_where_no_class_is_ok_and_where_nothing_was_measured() -> None:
    toy = decode_bundle(toy_bundle_bytes(task="classes"), "toy")
    without = Bundle(toy.manifest.model_copy(update={"ok_class": None}), b"", [], "")
    assert "To pass parts: no class of it is OK." in model_card(without)
    assert "none there" in model_card(without)


def test_a_name_with_a_bar_does_not_break_a_table(demo: Bundle) -> None:
    odd = demo.manifest.model_copy(update={"versions": {"a|b": "1"}})
    assert "| a\\|b | 1 |" in model_card(Bundle(odd, b"", [], ""))


def test_a_bundle_whose_graph_ends_its_process_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deadly = store_deadly(tmp_path / "deadly.tflite")
    assert main(["inspect", str(deadly.path)]) == 2
    assert "deadly.tflite: its graph ends the process that runs it (SIG" in capsys.readouterr().err


HOSTILE = "<script>alert(1)</script>\x1b[2J[a](http://x)`|"


def test_what_a_bundle_says_of_itself_reaches_terminal_and_card_as_text(demo: Bundle) -> None:
    toy = decode_bundle(toy_bundle_bytes(task="classes"), "toy").manifest
    seen = demo.manifest.photographs
    results = demo.manifest.results
    assert seen is not None
    assert results is not None
    classes = ["ok", HOSTILE, *toy.classes[2:]]
    changes = {
        "classes": classes,
        "model_name": HOSTILE,
        "photographs": seen.model_copy(update={"fingerprint": HOSTILE}),
        "results": results.model_copy(update={"split": HOSTILE}),
        "wrapped": None,
        "training": {HOSTILE: HOSTILE},
        "versions": {HOSTILE: HOSTILE},
    }
    hostile = Bundle(toy.model_copy(update=changes), b"", [], "0" * 64)
    for text in (describe(Path("a\x1b[2Jb.tflite"), hostile), model_card(hostile)):
        assert "\x1b" not in text
    card = model_card(hostile)
    assert "<script" not in card
    assert not re.search(r"(?<!\\)\[a", card)


def test_a_card_of_figures_without_some_classes_says_so(demo: Bundle) -> None:
    """A manifest may hold figures of other classes than its own."""
    results = demo.manifest.results
    assert results is not None
    partial: list[dict[str, dict[str, int]]] = [{}, {"ok": {}}, {"scratch": {"ok": 1}}]
    for confusion in partial:
        few = results.int8.model_copy(update={"confusion": confusion})
        other = demo.manifest.model_copy(update={"results": results.model_copy(update={"int8": few})})
        card = model_card(Bundle(other, b"", [], ""))
        assert "| right among defect |" in card
        assert "none there" in card


def test_figures_that_contradict_themselves_are_no_traceback(demo: Bundle) -> None:
    results = demo.manifest.results
    assert results is not None
    wrong = results.int8.model_copy(update={"escapes": 10**6, "overkill": -3, "correct": 10**9})
    other = demo.manifest.model_copy(update={"results": results.model_copy(update={"int8": wrong})})
    assert "1000000 of 600: the manifest contradicts itself" in model_card(Bundle(other, b"", [], ""))
