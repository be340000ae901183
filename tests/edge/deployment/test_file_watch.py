"""A file that is replaced is noticed when it keeps still."""

from pathlib import Path

from edge.deployment.file_watch import Look, Replaced, look_at

PATH = Path("a.tflite")
OLD, GROWING, NEW = Look(1, 100, 10), Look(2, 50, 11), Look(2, 100, 12)


def watching() -> Replaced:
    replaced = Replaced()
    replaced.follow(PATH, OLD)
    return replaced


def test_a_new_content_is_told_once_and_only_when_two_looks_are_alike() -> None:
    replaced = watching()
    looks = [OLD, GROWING, NEW, NEW, NEW, NEW]
    assert [replaced.is_new(PATH, look) for look in looks] == [False, False, False, True, False, False]


def test_a_file_that_goes_away_and_comes_back_unchanged_is_not_new() -> None:
    replaced = watching()
    assert not any(replaced.is_new(PATH, look) for look in [OLD, None, None, OLD, OLD])


def test_another_file_to_look_at_is_known_as_it_is_found() -> None:
    replaced = watching()
    other = Path("b.tflite")
    assert not any(replaced.is_new(other, NEW) for _ in range(3))


def test_a_file_looks_different_when_it_was_replaced_by_one_of_the_same_size(tmp_path: Path) -> None:
    file, copy = tmp_path / "a", tmp_path / "b"
    file.write_bytes(b"one")
    before = look_at(file)
    copy.write_bytes(b"two")
    copy.replace(file)
    assert before is not None
    assert look_at(file) not in (None, before)
    assert look_at(tmp_path / "absent") is None
