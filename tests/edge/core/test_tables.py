"""CSV files that people and spreadsheets write."""

from pathlib import Path

import pytest

from edge.core.errors import InputError
from edge.core.tables import read_rows

WANTED = [{"file": "ok/a.png", "group": "part 1"}, {"file": "ok/=b,c.png", "group": "part 2"}]


@pytest.mark.parametrize(
    "text",
    [
        'file,group\nok/a.png,part 1\n"ok/=b,c.png",part 2\n',
        "\ufefffile;group\r\nok/a.png;part 1\r\nok/=b,c.png;part 2\r\n",
        "sep=;\r\nfile;group\r\nok/a.png;part 1\r\nok/=b,c.png;part 2\r\n",
        '\ufeff"sep=;"\nFile;Group\nok/a.png;part 1\n"ok/=b,c.png";part 2\n',
        "SEP=\t\nfile\tgroup\nok/a.png\tpart 1\nok/=b,c.png\tpart 2",
        "sep=|\nfile|group\nok/a.png|part 1\nok/=b,c.png|part 2\n",
    ],
)
def test_the_divider_is_told_by_excels_first_line_or_the_head(tmp_path: Path, text: str) -> None:
    (tmp_path / "groups.csv").write_text(text, encoding="utf-8", newline="")
    assert read_rows(tmp_path / "groups.csv", {"file", "group"}) == WANTED


@pytest.mark.parametrize("name", ["=1+1.png", "-2+3.png", "@SUM(1).png", "'=x.png"])
def test_a_cell_that_was_made_harmless_is_read_as_it_was(tmp_path: Path, name: str) -> None:
    (tmp_path / "groups.csv").write_text(f"file,group\n'{name},1\n", encoding="utf-8-sig")
    assert read_rows(tmp_path / "groups.csv", {"file", "group"})[0]["file"] == name


def test_a_file_of_another_encoding_says_which_one_is_expected(tmp_path: Path) -> None:
    (tmp_path / "groups.csv").write_bytes("file,group\nGröße.png,1\n".encode("latin-1"))
    with pytest.raises(InputError, match=r"groups\.csv: is not UTF-8; save it as CSV UTF-8"):
        read_rows(tmp_path / "groups.csv", {"file", "group"})
