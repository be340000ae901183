"""Text of strangers, at each place where it is shown."""

import logging
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.command import say, show
from edge.core.errors import ImageError, one_line
from edge.core.foreign_text import in_html, in_markdown, shown
from edge.service.logs import PlainFormatter, last_words

HOSTILE = "part\x1b[2J\x1b]0;owned\x07\r\x9b31m\u202egnp.exe\x00\ud800"
RAW = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@given(st.text())
def test_one_line_has_no_character_that_moves_colours_or_hides_anything(text: str) -> None:
    safe = one_line(text)
    assert not RAW.search(safe)
    assert "\n" not in safe
    assert one_line(safe) == safe


def test_names_that_people_have_stay_as_they_are() -> None:
    name = "Teil №7, größer als 5 µm, 部品, деталь"
    assert one_line(name) == name == in_html(name) == in_markdown(name)


def test_lines_of_ours_stay_lines() -> None:
    assert shown(f"one\ntwo {HOSTILE}\n").count("\n") == 2
    assert not RAW.search(shown(f"one\n{HOSTILE}"))


@given(st.text(alphabet=st.sampled_from("<>&\"'`[]()|*\\!a\n\x1b")))
def test_html_of_strangers_is_text_in_a_page_and_in_an_attribute(text: str) -> None:
    tags: list[str] = []

    class Parser(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            tags.append(tag)
            assert len(attrs) <= 1

    Parser().feed(f'<p title="{in_html(text)}">{in_html(text)}</p>')
    assert tags == ["p"]


@given(st.text(alphabet=st.sampled_from("<>&`[]()|*\\!a\n\x1b")))
def test_markdown_of_strangers_begins_no_code_link_cell_or_html(text: str) -> None:
    safe = in_markdown(text)
    assert "\n" not in safe
    assert not re.search(r"[<>]", safe)
    rest = re.sub(r"\\[\\`|\[\]]", "", safe)
    assert not re.search(r"[\\`|\[\]]", rest)


def test_an_error_is_one_line_whatever_it_names() -> None:
    error = ImageError(f"{HOSTILE}\nsecond line: broken")
    assert not RAW.search(str(error))
    assert "\n" not in str(error)


def test_what_programs_say_and_show_is_safe(capsys: pytest.CaptureFixture[str]) -> None:
    say(f"trainer: {HOSTILE}")
    show(f"ok 7\n{HOSTILE} 8")
    last_words(f"edge: {HOSTILE}\nEMERGENCY all is well")
    printed = capsys.readouterr()
    assert not RAW.search(printed.out + printed.err)
    assert (printed.out.count("\n"), printed.err.count("\n")) == (2, 2)


def test_a_log_line_is_one_line_and_a_traceback_has_no_raw_characters() -> None:
    try:
        raise ValueError(HOSTILE)
    except ValueError as error:
        caught = (ValueError, error, error.__traceback__)
    record = logging.LogRecord("x", logging.ERROR, __file__, 1, "part %s", (f"7\nERROR {HOSTILE}",), caught)
    text = PlainFormatter("%(levelname)s %(message)s").format(record)
    assert not RAW.search(text)
    assert text.splitlines()[0].startswith(r"ERROR part 7\nERROR part\x1b[2J")
    assert text.splitlines()[1] == "Traceback (most recent call last):"
