"""When the daemon counts as hung, on a clock of our own."""

from edge.service.heartbeat import Flow, Heartbeat


def test_a_sign_that_is_seen_is_not_missed() -> None:
    heart = Heartbeat()
    for now in range(100):
        heart.check("gate", now, seen=True, limit_s=10)
        assert heart.missed(now) is None


def test_a_sign_is_missed_once_its_limit_is_over_and_named() -> None:
    heart = Heartbeat()
    heart.check("gate", 0, seen=True, limit_s=10)
    heart.check("gate", 10, seen=False, limit_s=10)
    assert heart.missed(10) is None
    heart.check("gate", 11, seen=False, limit_s=10)
    assert heart.missed(11) == "no sign of life of gate for 11 s"


def test_a_sign_that_comes_back_is_missed_no_more() -> None:
    heart = Heartbeat()
    heart.check("gate", 0, seen=False, limit_s=1)
    assert heart.missed(5) is not None
    heart.check("gate", 5, seen=True, limit_s=1)
    assert heart.missed(5) is None


def test_one_missing_sign_is_not_hidden_by_those_that_are_there() -> None:
    heart = Heartbeat()
    heart.check("gate", 0, seen=False, limit_s=10)
    for now in range(12):
        heart.check("guard", now, seen=True, limit_s=10)
        heart.check("gate", now, seen=False, limit_s=10)
    assert "gate" in (heart.missed(11) or "")


def test_each_sign_has_its_own_limit() -> None:
    heart = Heartbeat()
    heart.check("verdicts", 0, seen=False, limit_s=100)
    heart.check("gate", 0, seen=False, limit_s=10)
    assert "gate" in (heart.missed(50) or "")
    heart.check("gate", 50, seen=True, limit_s=10)
    assert heart.missed(55) is None


def test_nothing_is_missed_before_anything_was_looked_for() -> None:
    assert Heartbeat().missed(1000) is None


def test_parts_that_become_verdicts_flow() -> None:
    flow = Flow()
    assert all(flow.goes_on(begun=number, decided=number) for number in range(10))


def test_a_line_without_parts_flows() -> None:
    flow = Flow()
    assert flow.goes_on(5, 5)
    assert flow.goes_on(5, 5)


def test_a_part_without_a_verdict_does_not() -> None:
    flow = Flow()
    flow.goes_on(5, 5)
    assert not flow.goes_on(6, 5)
    assert not flow.goes_on(7, 5)
    assert flow.goes_on(7, 6)


def test_a_part_that_the_trigger_gave_up_holds_nothing_up_once_another_is_decided() -> None:
    flow = Flow()
    assert not flow.goes_on(1, 0)
    assert flow.goes_on(2, 1)
    assert flow.goes_on(2, 1)
