"""The page Review: who may say what of which part, and what that tells of the line."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from edge.page.app import build_app
from edge.page.login import user_line
from edge.page.review import CHOSEN, Queue
from edge.records.history import Inspected
from edge.records.review_sample import Shares
from edge.records.reviews import Review, history, read_reviews, reviews_beside
from edge.settings.load_settings import load_settings
from edge.settings.settings import Settings
from tests.edge.page.conftest import BASE

PASSWORD = "correct horse"
SAME = {"origin": BASE, "sec-fetch-site": "same-origin"}
REJECTED, PASSED = 4, 1  # numbers of the journal: a defect, and an ok part


@pytest.fixture(scope="module")
def users() -> str:
    return "\n".join(user_line(name, role, PASSWORD) for name, role in (("ann", "review"), ("lou", "look")))


@pytest.fixture
def settings(left: Settings, users: str) -> Settings:
    flags = {
        "station.name": "line", "journal.path": left.journal.path, "archive.path": left.archive.path,
        "mqtt.enabled": "false", "page.users": users,
    }  # fmt: skip
    return load_settings(None, flags)


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(build_app(settings), base_url=BASE) as made:
        yield made


def enter(client: TestClient, name: str = "ann", password: str = PASSWORD) -> int:
    form = {"name": name, "password": password}
    return client.post("/login", data=form, headers=SAME, follow_redirects=False).status_code


def token_of(client: TestClient) -> str:
    found = re.search(r'name="token" value="([0-9a-f]+)"', client.get("/review").text)
    assert found is not None
    return found[1]


def say(client: TestClient, number: int, label: str, **fields: str) -> int:
    form = {"label": label, "token": token_of(client), **fields}
    return client.post(f"/review/{number}", data=form, headers=SAME, follow_redirects=False).status_code


def file_of(settings: Settings) -> Path:
    return reviews_beside(Path(settings.journal.path))


def test_without_anybody_who_may_log_in_parts_are_only_shown(left: Settings) -> None:
    with TestClient(build_app(left), base_url=BASE) as client:
        text = client.get("/review").text
        assert "Nobody may log in" in text
        assert "<form" not in text
        assert client.post("/review/1", data={"label": "ok"}, headers=SAME).status_code == 403
        assert enter(client) == 403
    assert not file_of(left).exists()


def test_who_is_logged_in_says_what_a_part_is_and_sees_the_next(
    client: TestClient, settings: Settings
) -> None:
    assert enter(client) == 303
    first = re.search(r'action="/review/(\d+)"', client.get("/review").text)
    assert first is not None
    assert say(client, int(first[1]), "defect") == 303
    text = client.get(f"/review?after={first[1]}").text
    assert "<b>Defect</b>" in text
    assert f'action="/review/{first[1]}"' in text, "to undo it"
    second = re.findall(r'action="/review/(\d+)"', client.get("/review").text)
    assert first[1] not in second
    (told,) = history(file_of(settings))
    assert (told.who, told.label, 0 < told.probability <= 1) == ("ann", "defect", True)


def test_a_review_can_be_taken_back_and_both_are_kept(client: TestClient, settings: Settings) -> None:
    enter(client)
    say(client, REJECTED, "ok")
    say(client, REJECTED, "withdrawn")
    assert read_reviews(file_of(settings)) == {}
    assert [one.label for one in history(file_of(settings))] == ["ok", "withdrawn"]
    assert "taken back" in client.get(f"/history/{REJECTED}").text


def test_a_part_can_be_overruled_on_its_own_page(client: TestClient, settings: Settings) -> None:
    assert "data-key" not in client.get(f"/history/{REJECTED}").text
    enter(client)
    page = client.get(f"/history/{REJECTED}").text
    assert 'name="back" value="part"' in page
    form = {"label": "ok", "token": token_of(client), "back": "part"}
    answer = client.post(f"/review/{REJECTED}", data=form, headers=SAME, follow_redirects=False)
    assert answer.headers["location"] == f"/history/{REJECTED}"
    assert "ann: <b>OK</b>" in client.get(f"/history/{REJECTED}").text


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"token": "0" * 64}, 403),
        ({"token": ""}, 403),
        ({"label": "<script>"}, 400),
        ({"label": ""}, 400),
    ],
)
def test_a_form_with_another_token_or_a_label_that_there_is_not_changes_nothing(
    client: TestClient, settings: Settings, change: dict[str, str], status: int
) -> None:
    enter(client)
    form = {"label": "ok", "token": token_of(client), **change}
    assert client.post(f"/review/{REJECTED}", data=form, headers=SAME).status_code == status
    assert history(file_of(settings)) == []


@pytest.mark.parametrize(
    "headers",
    [{"origin": "http://evil.example", "sec-fetch-site": "cross-site"}, {"origin": "http://evil.example"}, {},
     {"origin": BASE, "sec-fetch-site": "cross-site"}, {"origin": "null"}],
)  # fmt: skip
def test_a_post_from_another_site_is_refused_whatever_it_holds(
    client: TestClient, settings: Settings, headers: dict[str, str]
) -> None:
    enter(client)
    form = {"label": "ok", "token": token_of(client)}
    assert client.post(f"/review/{REJECTED}", data=form, headers=headers).status_code == 403
    assert (
        client.post("/login", data={"name": "ann", "password": PASSWORD}, headers=headers).status_code == 403
    )
    assert history(file_of(settings)) == []


def test_who_may_only_look_says_nothing(client: TestClient, settings: Settings) -> None:
    assert enter(client, "lou") == 303
    found = re.search(r'name="token" value="([0-9a-f]+)"', client.get("/review").text)
    assert found is not None
    form = {"label": "ok", "token": found[1]}
    assert client.post(f"/review/{REJECTED}", data=form, headers=SAME).status_code == 403
    assert "data-key" not in client.get(f"/history/{REJECTED}").text
    assert not file_of(settings).exists()


@pytest.mark.parametrize("number", ["0", "99999999", str(2**63), str(2**70)])
def test_a_part_that_there_is_not_is_said(client: TestClient, number: str) -> None:
    enter(client)
    form = {"label": "ok", "token": token_of(client)}
    assert client.post(f"/review/{number}", data=form, headers=SAME).status_code == 404


@pytest.mark.parametrize("body", [b"", b"label=ok&label=ok", b"\xff\xfe", b"a=b&" * 11, b"label", b"%ff=%ff"])
def test_what_is_no_form_changes_nothing(client: TestClient, settings: Settings, body: bytes) -> None:
    enter(client)
    headers = {**SAME, "content-type": "application/x-www-form-urlencoded"}
    assert client.post(f"/review/{REJECTED}", content=body, headers=headers).status_code == 403
    assert client.post("/login", content=body, headers=headers).status_code == 403
    assert history(file_of(settings)) == []


def test_the_cookie_is_for_this_page_alone_and_ends_with_the_session(client: TestClient) -> None:
    answer = client.post(
        "/login", data={"name": "ann", "password": PASSWORD}, headers=SAME, follow_redirects=False
    )
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith("session-line="), "another station's page on this device has another"
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "secure" not in cookie, "of this device itself; behind TLS it is"
    token = token_of(client)
    assert client.post("/logout", data={"token": "wrong"}, headers=SAME).status_code == 403
    assert client.post("/logout", data={"token": token}, headers=SAME).status_code == 200
    assert (
        client.post(f"/review/{REJECTED}", data={"label": "ok", "token": token}, headers=SAME).status_code
        == 403
    )


def test_a_file_of_reviews_that_cannot_be_used_is_said_and_history_goes_on(
    client: TestClient, settings: Settings
) -> None:
    file_of(settings).parent.mkdir()
    file_of(settings).write_bytes(b"SQLite format 3\0" + b"\xff" * 4000)
    for path in ("/review", f"/history/{REJECTED}"):
        answer = client.get(path)
        assert answer.status_code == 503
        assert "review.sqlite" in answer.text
    assert client.get("/history").status_code == 200
    assert client.get("/").status_code == 200


def test_a_part_whose_picture_is_gone_is_not_asked_for(client: TestClient, settings: Settings) -> None:
    enter(client)
    for picture in Path(settings.archive.path).rglob("*.png"):
        picture.unlink()
    assert "No part waits for a review." in client.get("/review").text


def test_rates_count_what_was_shown_and_not_what_was_chosen_or_skipped() -> None:
    rows = [{"id": f"a-{number}", "action": "pass" if number < 6 else "reject"} for number in range(10)]
    found = [Inspected(number, 0.0, row) for number, row in enumerate(rows)]
    labels = {0: "dent", 1: "ok", 2: "ok", 3: "ok", 4: "ok", 5: "skipped", 6: "ok", 7: "dent", 8: "defect"}
    reviews = {
        f"a-{number}": Review(f"a-{number}", label, "ann", 0.0, 1.0, "random")
        for number, label in labels.items()
    }
    assert Queue(found, {}, []).rates() is None
    rates = Queue(found, reviews, []).rates()
    assert rates is not None
    assert (rates.reviewed, rates.parts) == (8, 10)
    assert rates.escapes.number == pytest.approx(6 * 1 / 5)
    assert rates.overkill.number == pytest.approx(4 * 1 / 3)
    chosen = {name: replace(review, shown_because=CHOSEN) for name, review in reviews.items()}
    assert Queue(found, chosen, []).rates() is None


def test_rates_stand_on_the_page_with_their_interval(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.page.review.Shares", lambda: Shares(near=1.0, rejected=1.0, random=1.0))
    enter(client)
    assert "Too few reviews for a figure" in client.get("/review").text
    for number in range(1, 41):
        say(client, number, "defect" if number == PASSED else "ok")
    text = re.sub(r"\s+", " ", client.get("/review").text)
    assert "Defects that passed</dt><dd>1 (1\N{EN DASH}1), 2.50 %" in text
    assert "Reviewed</dt><dd>40" in text
