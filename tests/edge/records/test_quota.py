"""The files that have to go from an archive, and in which order."""

from hypothesis import given
from hypothesis import strategies as st

from edge.records.quota import Entry, Quota

ENTRIES = st.lists(
    st.builds(Entry, st.floats(0, 1000), st.uuids().map(str), st.integers(1, 50), st.booleans()),
    max_size=40,
    unique_by=lambda entry: entry.name,
)


def gone(quota: Quota, now: float | None, coming: Entry | None = None) -> list[Entry]:
    entries = []
    while (going := quota.next_to_go(now, coming)) is not None:
        entries.append(going)
    return entries


def entry(at: float, size: int = 10, *, ok: bool = False) -> Entry:
    return Entry(at, f"{at}", size, ok)


def test_ok_goes_first_and_the_oldest_of_it() -> None:
    quota = Quota(max_bytes=40, max_age_s=1e9)
    for each in (entry(1.0), entry(4.0, ok=True), entry(2.0), entry(3.0, ok=True)):
        quota.add(each)
    assert [e.at for e in gone(quota, 5.0, entry(9.0, 30))] == [3.0, 4.0, 1.0]


def test_what_is_too_old_goes_whatever_it_is() -> None:
    quota = Quota(max_bytes=1000, max_age_s=10.0)
    for each in (entry(1.0), entry(2.0, ok=True), entry(20.0)):
        quota.add(each)
    assert {e.at for e in gone(quota, 13.0)} == {1.0, 2.0}
    assert gone(quota, 13.0) == []


def test_a_clock_that_is_years_ahead_makes_nothing_too_old_until_as_much_lies_there_by_it() -> None:
    years = 10 * 365 * 86400.0
    quota = Quota(max_bytes=1000, max_age_s=100.0)
    for each in (entry(1.0), entry(2.0, ok=True)):
        quota.add(each)
    assert gone(quota, years) == []
    quota.add(entry(years))
    assert gone(quota, years + 50) == []
    quota.add(entry(years + 101))
    assert [e.at for e in gone(quota, years + 101)] == [2.0, 1.0, years]


def test_what_is_of_a_day_to_come_goes_before_what_is_of_today() -> None:
    years = 10 * 365 * 86400.0
    quota = Quota(max_bytes=40, max_age_s=1e9)
    for at in (years, 1000.0, years + 1, 1001.0):
        quota.add(entry(at))
    assert [e.at for e in gone(quota, 1002.0, entry(1002.0, 30))] == [years + 1, years, 1000.0]


def test_without_a_clock_that_is_right_nothing_is_too_old() -> None:
    quota = Quota(max_bytes=1000, max_age_s=10.0)
    quota.add(entry(1.0))
    assert gone(quota, None) == []


def test_their_number_is_bounded_too() -> None:
    quota = Quota(max_bytes=1000, max_age_s=1e9, max_entries=3)
    for at in range(3):
        quota.add(entry(float(at)))
    assert [e.at for e in gone(quota, 5.0, entry(9.0, 1))] == [0.0]


def test_something_ok_never_drives_out_what_is_not() -> None:
    quota = Quota(max_bytes=25, max_age_s=1e9)
    for each in (entry(1.0), entry(2.0, ok=True)):
        quota.add(each)
    assert [e.at for e in gone(quota, 5.0, entry(9.0, 20, ok=True))] == [2.0]
    assert not quota.has_room_for(entry(9.0, 20, ok=True))
    assert [e.at for e in gone(quota, 5.0, entry(9.0, 20))] == [1.0]


def test_for_what_is_larger_than_all_nothing_goes() -> None:
    quota = Quota(max_bytes=25, max_age_s=1e9)
    quota.add(entry(1.0))
    assert gone(quota, 5.0, entry(9.0, 26)) == []


@given(ENTRIES, st.integers(1, 300), st.integers(1, 60), st.booleans(), st.floats(0, 1500))
def test_no_more_goes_than_must_and_then_there_is_room(
    entries: list[Entry], max_bytes: int, size: int, is_ok: bool, now: float
) -> None:
    quota = Quota(max_bytes=max_bytes, max_age_s=500.0)
    for each in entries:
        quota.add(each)
    coming = entry(2000.0, size, ok=is_ok)
    went = gone(quota, now, coming)
    kept = [e for e in entries if e not in went]
    assert quota.bytes == sum(e.size for e in kept)
    assert all(e.at >= now - 500.0 for e in kept)
    assert quota.has_room_for(coming) or size > max_bytes or (is_ok and not any(e.is_ok for e in kept))
    for_want_of_room = [e for e in went if e.at >= now - 500.0]
    if for_want_of_room:
        last = for_want_of_room[-1]
        assert quota.bytes + last.size + size > max_bytes, "one less would not have been enough"
        assert last.is_ok or not (is_ok or any(e.is_ok for e in kept)), "ok goes first, and for ok only ok"
