"""Messages that are said once a reason."""

from edge.core.once import Once


def test_each_reason_is_new_once_until_it_works_again() -> None:
    said = Once()
    reasons = ["no broker", "wrong password", "no broker", "wrong password"]
    assert [said.is_new(reason) for reason in reasons] == [True, True, False, False]
    said.clear()
    assert said.is_new("no broker")


def test_reasons_that_differ_in_numbers_alone_are_one() -> None:
    said = Once()
    texts = ["stalled for 2.1 s", "stalled for 11 s", "hangs for 2.1 s"]
    assert [said.is_new(text) for text in texts] == [True, False, True]


def test_a_text_that_is_another_each_time_does_not_go_on_for_ever() -> None:
    said = Once()
    assert sum(said.is_new("x" * length) for length in range(1000)) == 10
