"""What was chosen is there after a restart, or it is said why not."""

import json
from pathlib import Path

import pytest

from edge.deployment.selection import Choice, Chosen, Kept, choice_file, read_choice, write_choice

CHOICE = Choice(
    recipe="can", bundles={"can": Chosen(name="b.tflite", sha256="0" * 64, instead_of="a.tflite")}
)


def test_what_was_written_is_read_and_nothing_else_is_left_in_the_folder(tmp_path: Path) -> None:
    file = choice_file(tmp_path / "state" / "journal.sqlite")
    assert read_choice(file) == (Kept(), None)
    assert write_choice(file, Kept()) is None
    for kept in (Kept.of(CHOICE), Kept.of(CHOICE, last_good=Choice(recipe="jar"))):
        assert write_choice(file, kept) is None
        assert read_choice(file) == (kept, None)
    assert [path.name for path in file.parent.iterdir()] == ["journal.sqlite.choice.json"]


def test_without_a_trial_the_file_is_as_it_was_before_there_were_marks(tmp_path: Path) -> None:
    file = tmp_path / "choice.json"
    file.write_text(CHOICE.model_dump_json())
    assert read_choice(file) == (Kept.of(CHOICE), None)
    write_choice(file, Kept.of(CHOICE))
    assert json.loads(file.read_bytes()) == CHOICE.model_dump()


@pytest.mark.parametrize("content", [b"", b"{", b'{"recipe": 1}', b'{"later": true}', b"\xff" * 100])
def test_a_damaged_file_is_said_and_the_settings_decide(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "choice.json"
    file.write_bytes(content)
    choice, reason = read_choice(file)
    assert choice == Kept()
    assert reason is not None
    assert "choice.json: cannot be read" in reason


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    reason = write_choice(tmp_path / "file" / "choice.json", Kept.of(CHOICE))
    assert reason is not None
    assert "a restart will not know of this" in reason
