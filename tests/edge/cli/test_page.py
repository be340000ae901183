"""`edge page --add-user`: a line for page.users, and no password anywhere else."""

import getpass
import io
import sys

import pytest

from edge.__main__ import main
from edge.page.login import Login, read_users


def test_a_password_on_standard_input_makes_a_line_that_lets_its_person_in(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("correct horse\n"))
    assert main(["page", "--add-user", "ann", "--role", "operate"]) == 0
    line = capsys.readouterr().out.strip()
    assert line.startswith("ann:operate:")
    assert Login(read_users(line)).enter("ann", "correct horse") is not None


def test_at_a_terminal_it_is_asked_for_twice(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = iter(["correct horse", "correct house"])
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(getpass, "getpass", lambda _: next(said))
    assert main(["page", "--add-user", "ann"]) == 2
    assert "the passwords differ" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--add-user", "ann"], "--add-user: goes with page"),
        (["page", "--role", "look"], "--role: goes with --add-user"),
        (["page", "--add-user", "a:b"], "user: expected a name"),
    ],
)
def test_what_does_not_fit_is_refused(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("correct horse\n"))
    assert main(words) == 2
    assert said in capsys.readouterr().err


def test_a_wrong_line_of_users_stops_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["page", "--page.port", "0", "--page.users", "ann:review:sesame"]) == 2
    error = capsys.readouterr().err
    assert "page.users: ann: expected NAME:ROLE:HASH" in error
    assert "sesame" not in error
