"""Which photographs are of one part, as people say it."""

import unicodedata
from pathlib import Path
from typing import Literal

import pytest

from edge.core.errors import InputError
from trainer.groups import group_photographs

Form = Literal["NFC", "NFD"]
FILES = ["ok/1.png", "ok/2.png", "bad/1.png"]


def numbers(choice: str) -> list[int]:
    return [int(number) for number in group_photographs(choice, FILES, None, threads=1).numbers]


@pytest.mark.parametrize(
    "text",
    [
        "file,group\nok/1.png,a\nok/2.png,a\nbad/1.png,b\n",
        "File;Group\r\n./ok/1.png;a\r\nok\\2.png;a\r\nbad/1.png;b\r\nok/9.png;c\r\n",
    ],
)
def test_a_csv_file_as_people_write_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "parts.csv").write_text(text, newline="")
    assert numbers(str(tmp_path / "parts.csv")) == [0, 0, 1]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("ok/1.png,a\nok/2.png,a\n", "no group for bad/1.png of 3 images"),
        (
            "1.png,a\n",
            "no group for ok/1.png and 2 more of 3 images; files are named as below the data folder",
        ),
        ("ok/1.png,a\nok/1.png,b\n", "ok/1.png is in a and in b"),
    ],
)
def test_a_csv_file_that_does_not_fit_is_refused(tmp_path: Path, rows: str, said: str) -> None:
    (tmp_path / "parts.csv").write_text(f"file,group\n{rows}")
    with pytest.raises(InputError, match=said):
        numbers(str(tmp_path / "parts.csv"))


def test_a_pattern_names_the_group_by_its_bracket_or_by_all_of_it() -> None:
    assert numbers(r"/(\d)") == [0, 1, 0]
    assert numbers(r"ok|bad") == [1, 1, 0]


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("ok/", "names no group for bad/1.png"),
        ("(ok/2)?", "names no group for ok/1.png and 1 more"),
        ("(", "expected copies, none, a .csv file or a regular expression"),
        ("parts.csv", "cannot be read"),
    ],
)
def test_a_pattern_that_does_not_fit_is_refused(pattern: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        numbers(pattern)


@pytest.mark.parametrize("choice", ["parts.csv", "Größe(\\d)"])
@pytest.mark.parametrize(("here", "there"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_names_of_another_system_are_the_same(tmp_path: Path, choice: str, here: Form, there: Form) -> None:
    files = [unicodedata.normalize(here, f"Größe{number}/1.png") for number in (1, 2)]
    rows = [unicodedata.normalize(there, f"Größe{number}/1.png,{number}\n") for number in (1, 2)]
    (tmp_path / "parts.csv").write_text("file,group\n" + "".join(rows), encoding="utf-8")
    groups = str(tmp_path / choice) if choice.endswith(".csv") else unicodedata.normalize(there, choice)
    assert list(group_photographs(groups, files, None, threads=1).numbers) == [0, 1]
