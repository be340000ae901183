"""Cells that go through a spreadsheet come back as they were, and are run by none."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.csv_cells import from_cell, to_cell

TEXTS = st.text(st.one_of(st.sampled_from("'=+-@\t\r\n\uff1d"), st.characters(codec="utf-8")), max_size=8)


@given(TEXTS)
def test_every_text_comes_back_as_it_was(text: str) -> None:
    file = io.StringIO(newline="")
    csv.writer(file).writerow([to_cell(text), "end"])
    file.seek(0)
    (row,) = csv.reader(file)
    assert from_cell(row[0]) == text


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d"])
@given(rest=TEXTS)
def test_no_cell_begins_as_a_formula_does(start: str, rest: str) -> None:
    assert str(to_cell(start + rest)).startswith("'")


@pytest.mark.parametrize("value", ["part 7", "'quoted'", "Gehäuse ü", "a=b", "", None, -0.25, 7])
def test_what_is_no_formula_stays_as_it_is(value: object) -> None:
    assert to_cell(value) == value
