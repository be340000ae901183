"""A file that is replaced is noticed when it keeps still."""

from pathlib import Path

from edge.deployment.file_watch import FileStamp, FileWatch, stamp_of

PATH = Path("a.tflite")
OLD, GROWING, NEW = FileStamp(1, 100, 10), FileStamp(2, 50, 11), FileStamp(2, 100, 12)


def watching() -> FileWatch:
    watch = FileWatch()
    watch.follow(PATH, OLD)
    return watch


def test_a_new_content_is_told_once_and_only_when_two_looks_are_alike() -> None:
    watch = watching()
    stamps = [OLD, GROWING, NEW, NEW, NEW, NEW]
    assert [watch.is_new(PATH, stamp) for stamp in stamps] == [False, False, False, True, False, False]


def test_a_file_that_goes_away_and_comes_back_unchanged_is_not_new() -> None:
    watch = watching()
    assert not any(watch.is_new(PATH, stamp) for stamp in [OLD, None, None, OLD, OLD])


def test_another_file_to_look_at_is_known_as_it_is_found() -> None:
    watch = watching()
    other = Path("b.tflite")
    assert not any(watch.is_new(other, NEW) for _ in range(3))


def test_a_file_looks_different_when_it_was_replaced_by_one_of_the_same_size(tmp_path: Path) -> None:
    file, copy = tmp_path / "a", tmp_path / "b"
    file.write_bytes(b"one")
    before = stamp_of(file)
    copy.write_bytes(b"two")
    copy.replace(file)
    assert before is not None
    assert stamp_of(file) not in (None, before)
    assert stamp_of(tmp_path / "absent") is None
