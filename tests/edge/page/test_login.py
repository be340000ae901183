"""Who may log in: hashes, sessions, tokens, and attempts that are bounded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.errors import SettingsError
from edge.page.login import AGAIN_S, ATTEMPTS, ROLES, SESSION_S, Login, read_users, user_line

PASSWORD = "correct horse"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def lines() -> str:
    return "\n".join(user_line(f"{role}er", role, PASSWORD) for role in ROLES)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def login(lines: str, clock: Clock) -> Login:
    return Login(read_users(lines), clock=clock)


def test_the_right_password_alone_begins_a_session(login: Login) -> None:
    cookie = login.enter("reviewer", PASSWORD)
    session = login.session(cookie)
    assert session is not None
    assert (session.name, session.role) == ("reviewer", "review")
    for name, password in (("reviewer", "wrong"), ("nobody", PASSWORD), ("", ""), ("lookerx", PASSWORD)):
        assert login.enter(name, password) is None


def test_each_role_may_what_those_before_it_may(login: Login) -> None:
    for place, role in enumerate(ROLES):
        session = login.session(login.enter(f"{role}er", PASSWORD))
        assert session is not None
        assert [session.may(other) for other in ROLES] == [at <= place for at in range(len(ROLES))]


def test_a_session_ends_by_time_by_leaving_and_with_the_process(
    login: Login, lines: str, clock: Clock
) -> None:
    first, second = (login.enter("reviewer", PASSWORD) for _ in range(2))
    assert first != second
    login.leave(first)
    assert login.session(first) is None
    assert login.session(second) is not None
    assert Login(read_users(lines), clock=clock).session(second) is None, "of another process"
    clock.now += SESSION_S + 1
    assert login.session(second) is None


def test_each_session_has_a_token_of_its_own(login: Login) -> None:
    first, second = (login.session(login.enter("reviewer", PASSWORD)) for _ in range(2))
    assert first is not None
    assert second is not None
    assert first.token != second.token


@given(st.text(max_size=200))
def test_a_cookie_that_is_not_ours_is_no_session(lines: str, text: str) -> None:
    assert Login(read_users(lines)).session(text) is None


def test_a_cookie_that_was_changed_is_no_session(login: Login) -> None:
    cookie = login.enter("reviewer", PASSWORD) or ""
    for place in range(0, len(cookie), 7):
        changed = cookie[:place] + ("A" if cookie[place] != "A" else "B") + cookie[place + 1 :]
        assert login.session(changed) is None


def test_after_too_many_wrong_passwords_even_the_right_one_waits(login: Login, clock: Clock) -> None:
    for _ in range(ATTEMPTS):
        assert login.enter("reviewer", "wrong") is None
    assert login.enter("reviewer", PASSWORD) is None
    assert login.enter("operateer", PASSWORD) is not None, "others are not concerned"
    clock.now += AGAIN_S + 1
    assert login.enter("reviewer", PASSWORD) is not None


def test_guessing_over_many_names_is_bounded_too(login: Login) -> None:
    for number in range(4 * ATTEMPTS):
        login.enter(f"name-{number}", "wrong")
    assert login.enter("reviewer", PASSWORD) is None


@pytest.mark.parametrize(
    ("name", "role", "password"),
    [("", "review", PASSWORD), ("a:b", "review", PASSWORD), ("a,b", "review", PASSWORD),
     ("a b", "review", PASSWORD), ("x" * 33, "review", PASSWORD), ("ann", "boss", PASSWORD),
     ("ann", "review", "short"), ("ann", "review", "x" * 201)],
)  # fmt: skip
def test_a_name_a_role_or_a_password_that_is_none_is_refused(name: str, role: str, password: str) -> None:
    with pytest.raises(SettingsError, match="expected"):
        user_line(name, role, password)


@pytest.mark.parametrize(
    "text", ["ann", "ann:review", "ann:review:abc", "ann:boss:YWJj.YWJj", "ann:review:é.é"]
)
def test_a_line_that_is_none_is_refused_with_the_name(text: str) -> None:
    with pytest.raises(SettingsError, match=r"page\.users: ann: expected NAME:ROLE:HASH"):
        read_users(text)


def test_a_name_may_be_there_once(lines: str) -> None:
    with pytest.raises(SettingsError, match="is there twice"):
        read_users(f"{lines}\n{lines}")
    assert read_users("") == {}


def test_the_same_password_never_has_the_same_hash() -> None:
    assert user_line("ann", "review", PASSWORD) != user_line("ann", "review", PASSWORD)
    assert PASSWORD not in user_line("ann", "review", PASSWORD)
