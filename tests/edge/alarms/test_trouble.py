"""What breaks is said once, and once more when it is back."""

from edge.alarms.trouble import Trouble


def test_it_is_said_once_when_it_begins_and_once_when_it_ends() -> None:
    said: list[tuple[str, str | None]] = []
    trouble = Trouble("disk", lambda name, text: said.append((name, text)))
    trouble.ends("never began")
    trouble.begins("full")
    trouble.begins("still full")
    assert trouble.is_there
    trouble.ends("room")
    trouble.ends("room")
    trouble.begins("full again")
    assert said == [("disk", "full"), ("disk", None), ("disk", "full again")]
