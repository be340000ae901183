"""The file of reviews: rows are only added, and the latest of an inspection counts."""

import sqlite3
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.errors import ReviewError
from edge.records.reviews import (
    CANT_TELL,
    SCHEMA_VERSION,
    SKIPPED,
    WITHDRAWN,
    Review,
    add_review,
    history,
    read_reviews,
    reviews_beside,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return reviews_beside(tmp_path / "journal.sqlite")


def review(inspection: str, label: str, *, who: str = "ann", at: float = 1.0) -> Review:
    return Review(inspection, label, who, at, probability=0.5, shown_because="random")


def test_without_a_file_there_are_none_and_reading_makes_none(path: Path) -> None:
    assert read_reviews(path) == {}
    assert not path.exists()


def test_the_latest_row_counts_whatever_the_clock_says_and_none_is_lost(path: Path) -> None:
    numbers = [
        add_review(path, review("a-1", "ok", at=100.0)),
        add_review(path, review("a-2", "dent", at=101.0)),
        add_review(path, review("a-1", "dent", who="bob", at=3.0)),  # the clock was set back
    ]
    assert numbers == [1, 2, 3]
    latest = read_reviews(path)
    assert (latest["a-1"].label, latest["a-1"].who, latest["a-2"].label) == ("dent", "bob", "dent")
    assert [one.label for one in history(path)] == ["ok", "dent", "dent"]


def test_what_was_taken_back_is_no_review_until_it_is_given_again(path: Path) -> None:
    add_review(path, review("a-1", "ok"))
    add_review(path, review("a-1", WITHDRAWN))
    assert read_reviews(path) == {}
    add_review(path, review("a-1", "dent"))
    assert read_reviews(path)["a-1"].label == "dent"
    assert len(history(path)) == 3


def test_labels_without_a_truth_say_so() -> None:
    assert [review("a", label).tells_truth for label in ("ok", "dent", CANT_TELL, SKIPPED, WITHDRAWN)] == [
        True, True, False, False, False,
    ]  # fmt: skip


def test_two_reviewers_at_once_lose_nothing(path: Path) -> None:
    def tell(who: str) -> None:
        for number in range(20):
            add_review(path, review(f"a-{number}", "ok", who=who))

    people = [threading.Thread(target=tell, args=(who,)) for who in ("ann", "bob", "cyd")]
    for person in people:
        person.start()
    for person in people:
        person.join()
    assert sorted((one.who, one.inspection) for one in history(path)) == sorted(
        (who, f"a-{number}") for who in ("ann", "bob", "cyd") for number in range(20)
    )


@pytest.mark.parametrize("label", ["", "  ", "x" * 101, "two\nlines", "bell\a"])
def test_a_label_or_a_name_that_is_none_is_refused(path: Path, label: str) -> None:
    with pytest.raises(ReviewError, match="label: expected 1 to 100 characters in one line"):
        add_review(path, review("a-1", label))
    with pytest.raises(ReviewError, match="reviewer: expected"):
        add_review(path, review("a-1", "ok", who=label))
    assert not path.exists()


@given(st.text(max_size=40))
def test_any_text_is_kept_as_it_is_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("reviews") / "review.sqlite"
    try:
        add_review(path, review("a-1", text))
    except ReviewError:
        return
    assert history(path)[0].label == text


def test_a_chance_of_nothing_is_refused(path: Path) -> None:
    for chance in (0.0, -0.5, 1.5):
        with pytest.raises(ReviewError, match="cannot be used"):
            add_review(path, Review("a-1", "ok", "ann", 1.0, chance, "random"))
    assert read_reviews(path) == {}


def make_damaged(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\0" + b"\xff" * 4000)


def make_another_programs(path: Path) -> None:
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE songs (title TEXT)")
    database.close()


def make_newer(path: Path) -> None:
    add_review(path, review("a-1", "ok"))
    database = sqlite3.connect(path)
    database.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    database.close()


@pytest.mark.parametrize("spoil", [make_damaged, make_another_programs, make_newer, Path.mkdir])
def test_a_file_that_cannot_be_used_is_said_in_one_line_and_left_as_it_is(path: Path, spoil: object) -> None:
    assert callable(spoil)
    path.parent.mkdir()
    spoil(path)
    before = path.read_bytes() if path.is_file() else None
    for use in (lambda: read_reviews(path), lambda: add_review(path, review("a-2", "ok"))):
        with pytest.raises(ReviewError, match=r"review\.sqlite: (expected|cannot be used)"):
            use()
    assert (path.read_bytes() if path.is_file() else None) == before


def test_a_file_that_another_holds_is_waited_for_and_then_said(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_review(path, review("a-1", "ok"))
    monkeypatch.setattr("edge.records.reviews.BUSY_S", 0.05)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(ReviewError, match="locked"):
        add_review(path, review("a-2", "ok"))
    assert list(read_reviews(path)) == ["a-1"], "reading goes on"
    holder.execute("ROLLBACK")
    holder.close()
    add_review(path, review("a-2", "ok"))
