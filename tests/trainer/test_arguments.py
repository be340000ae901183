"""Impossible sizes and times are answered in one line by `trainer train`."""

from pathlib import Path

import pytest

from trainer.__main__ import main


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--size", "0"], "0: expected auto, pixels a side as 160, or width and height as 128x320"),
        (["--size", "10000x10000"], "10000x10000: expected auto, pixels a side"),
        (["--size", "128x"], "128x: expected auto"),
        (["--size", "x320"], "x320: expected auto"),
        (["--size", "-160"], "expected auto"),
        (["--size", "1e3"], "1e3: expected auto"),
        (["--max-ms", "0"], "0: "),
        (["--max-ms", "soon"], "soon: "),
        (["--model", "default"], "invalid choice: 'default'"),
    ],
)
def test_what_can_not_be_is_answered_in_one_line_with_what_can(
    tmp_path: Path, options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(tmp_path), "--out", str(tmp_path / "run"), *options]) == 2
    complaint = capsys.readouterr().err.strip()
    assert said in complaint
    assert "\n" not in complaint
    assert not (tmp_path / "run").exists()
