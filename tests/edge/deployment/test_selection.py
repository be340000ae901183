"""The choice is there after a restart, or it is said why not."""

import json
from pathlib import Path

import pytest

from edge.deployment.selection import (
    PersistedSelection,
    SelectedBundle,
    Selection,
    read_selection,
    selection_file,
    write_selection,
)

SELECTION = Selection(
    recipe="can", bundles={"can": SelectedBundle(name="b.tflite", sha256="0" * 64, instead_of="a.tflite")}
)


def test_what_was_written_is_read_and_nothing_else_is_left_in_the_folder(tmp_path: Path) -> None:
    file = selection_file(tmp_path / "state" / "journal.sqlite")
    assert read_selection(file) == (PersistedSelection(), None)
    assert write_selection(file, PersistedSelection()) is None
    for persisted in (
        PersistedSelection.of(SELECTION),
        PersistedSelection.of(SELECTION, last_good=Selection(recipe="jar")),
    ):
        assert write_selection(file, persisted) is None
        assert read_selection(file) == (persisted, None)
    assert [path.name for path in file.parent.iterdir()] == ["journal.sqlite.choice.json"]


def test_without_a_trial_the_file_is_as_it_was_before_there_were_marks(tmp_path: Path) -> None:
    file = tmp_path / "choice.json"
    file.write_text(SELECTION.model_dump_json())
    assert read_selection(file) == (PersistedSelection.of(SELECTION), None)
    write_selection(file, PersistedSelection.of(SELECTION))
    assert json.loads(file.read_bytes()) == SELECTION.model_dump()


@pytest.mark.parametrize("content", [b"", b"{", b'{"recipe": 1}', b'{"later": true}', b"\xff" * 100])
def test_a_damaged_file_is_said_and_the_settings_decide(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "choice.json"
    file.write_bytes(content)
    selection, reason = read_selection(file)
    assert selection == PersistedSelection()
    assert reason is not None
    assert "choice.json: cannot be read" in reason


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    reason = write_selection(tmp_path / "file" / "choice.json", PersistedSelection.of(SELECTION))
    assert reason is not None
    assert "a restart will not know of this" in reason
