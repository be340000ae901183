"""Every language says everything, and everything that the page asks for is said."""

import re
import string

import pytest

from edge.page.view import HERE
from edge.page.words import choose, languages
from edge.settings.alarms import Alarm

ENGLISH = languages()["en"]
USED = re.compile(r"""\bt\("([a-z_.]+)"(?!\s*~)""")


def names(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("code", languages())
def test_a_language_has_the_texts_of_english_with_the_same_names_in_them(code: str) -> None:
    texts = languages()[code].texts
    assert set(texts) == set(ENGLISH.texts)
    assert [key for key, text in texts.items() if names(text) != names(ENGLISH.texts[key])] == []
    assert [key for key, text in texts.items() if not text.strip()] == []


def test_what_the_templates_ask_for_is_there() -> None:
    asked = {key for file in (HERE / "templates").glob("*.html") for key in USED.findall(file.read_text())}
    assert len(asked) > 50
    assert asked - set(ENGLISH.texts) == set()


def test_for_every_alarm_there_is_what_to_do() -> None:
    assert [name for name in Alarm if ENGLISH.of("alarm", name) is None] == []


@pytest.mark.parametrize(
    ("chosen", "accepted", "language"),
    [
        (None, "", "en"),
        (None, "de-AT,de;q=0.9,en;q=0.8", "de"),
        (None, "fr, de;q=0.5", "de"),
        (None, "xx,,;;q=", "en"),
        ("de", "en", "de"),
        ("../../etc/passwd", "de", "de"),
    ],
)
def test_a_reader_gets_the_language_that_was_chosen_or_is_accepted_first(
    chosen: str | None, accepted: str, language: str
) -> None:
    assert choose(chosen, accepted).language == language


def test_numbers_are_written_as_the_language_has_them() -> None:
    assert languages()["de"].number(0.25) == "0,25"
    assert ENGLISH.per_cent(0.1234) == "12.3 %"
    assert ENGLISH.number(None) == "-"
