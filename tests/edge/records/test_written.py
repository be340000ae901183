"""The bytes that were written within the last hour."""

from pathlib import Path

from edge.records.written import WrittenBytes, written_by_this_process


def test_only_the_last_hour_counts() -> None:
    count = 1000
    written = WrittenBytes(lambda: count)
    written.note(0.0)
    count = 5000
    assert written.last_hour == 4000
    for minute in range(1, 61):
        written.note(minute * 60.0)
    assert written.last_hour == 4000
    written.note(3700.0)
    count = 5500
    assert written.last_hour == 500
    assert written.remembered <= 62


def test_where_the_kernel_does_not_count_there_is_no_figure() -> None:
    written = WrittenBytes(lambda: None)
    written.note(0.0)
    assert written.last_hour is None


def test_the_kernels_count_grows_with_what_is_written(tmp_path: Path) -> None:
    before = written_by_this_process()
    (tmp_path / "file").write_bytes(b"x" * 10**6)
    after = written_by_this_process()
    assert before is None or after is None or after >= before
