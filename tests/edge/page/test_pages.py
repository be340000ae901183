"""The content of the pages, and the answers to requests that nobody should send."""

import csv
import io
import json
import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from edge.page.app import build_app
from edge.page.guard import HEADERS, LARGEST_BODY, LONGEST_PATH
from edge.settings.settings import Settings
from tests.edge.page.conftest import BASE
from tests.edge.page.leftovers import leave, result

EVERY = ("/", "/now/live", "/now/rejects", "/now/hour", "/history", "/history/4", "/history.csv")


@pytest.mark.parametrize("path", EVERY)
def test_every_page_comes_with_the_headers_that_keep_strangers_out(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert not re.search(r"<style|\sstyle=|<script(?! src=)|\son[a-z]+=|javascript:", answer.text)


def test_without_a_station_now_says_so_and_shows_what_was_rejected(client: TestClient) -> None:
    page = client.get("/").text
    assert "Not reached" in page
    assert page.count("thumb.jpg") == 16
    assert "rejects" in page
    assert ">40<" in page  # inspected within the hour


def test_the_page_speaks_german_where_the_browser_does_or_the_reader_chose_it(client: TestClient) -> None:
    assert "Nicht erreicht" in client.get("/", headers={"accept-language": "de-DE,de;q=0.9"}).text
    chosen = client.get("/language/de", headers={"referer": f"{BASE}/history?x=1"}, follow_redirects=False)
    assert chosen.headers["location"] == "/history"
    assert "httponly" in chosen.headers["set-cookie"].lower()
    assert "Nicht erreicht" in client.get("/").text


@pytest.mark.parametrize(
    "referer", ["http://elsewhere.example//evil.example/", "", "x", "http://[", "/language/de"]
)
def test_a_language_leads_to_no_page_of_strangers(client: TestClient, referer: str) -> None:
    answer = client.get("/language/en", headers={"referer": referer}, follow_redirects=False)
    assert answer.headers["location"] == "/"


def test_history_shows_what_is_asked_for(client: TestClient) -> None:
    page = client.get("/history?verdict=defect&lot=L1&score_from=0,9").text
    assert re.findall(r">(P-\d+)<", page) == ["P-19", "P-13", "P-9", "P-3"]


def test_history_goes_on_page_after_page(tmp_path: Path) -> None:
    with TestClient(build_app(leave(tmp_path, 120, archived=False)), base_url=BASE) as client:
        address, seen = "/history", []
        for _ in range(5):
            page = client.get(address).text
            seen += re.findall(r">(P-\d+)<", page)
            older = re.search(r'href="(/history\?[^"]*before=[^"]*)"', page)
            if older is None:
                break
            address = older[1].replace("&amp;", "&")
    assert seen == [f"P-{number}" for number in reversed(range(120))]


@pytest.mark.parametrize(
    "query",
    [
        "from=yesterday",
        "to=99999999999-01-01",
        "verdict=good",
        "score_from=2",
        "score_to=nan",
        f"part={'x' * 400}",
    ],
)
def test_a_search_that_cannot_be_meant_is_answered_with_the_field(client: TestClient, query: str) -> None:
    answer = client.get(f"/history?{query}")
    assert answer.status_code == 400
    assert "is not understood" in answer.text


@pytest.mark.parametrize("before", ["x", "1-", "-1", "nan-nan", "1e999-1", "1-1-1", "1-99999999999999999999"])
def test_a_page_that_begins_nowhere_is_some_page(client: TestClient, before: str) -> None:
    assert client.get(f"/history?before={before}").status_code == 200


def test_what_is_shown_of_a_part_cannot_be_html(tmp_path: Path) -> None:
    from edge.records.journal import Journal, Record

    settings = leave(tmp_path, 1, archived=False)
    journal = Journal(Path(settings.journal.path), max_rows=1000)
    nasty = result(3, part="<script>alert(1)</script>\x1b[2J", lot='"><img src=x>', id="run-7")
    journal.append([Record(4e9, nasty.payload().decode())])
    journal.close()
    with TestClient(build_app(settings), base_url=BASE) as client:
        for path in ("/", "/history", "/history/2", "/history?lot=%22%3E%3Cimg+src%3Dx%3E"):
            page = client.get(path).text
            assert "<script>alert" not in page
            assert "<img src=x" not in page
            assert "\x1b" not in page


def test_the_csv_is_what_the_page_shows_and_a_spreadsheet_runs_none_of_it(client: TestClient) -> None:
    answer = client.get("/history.csv?verdict=defect")
    assert answer.content.startswith("\ufeff".encode())
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [row["part"] for row in rows] == [f"P-{n}" for n in (39, 33, 29, 23, 19, 13, 9, 3)]
    assert rows[0]["simulated"] == "true"


def test_a_part_shows_its_record_its_picture_and_its_heat(client: TestClient) -> None:
    page = client.get("/history/4").text
    assert "P-3" in page
    assert "0.9700" in page
    assert 'href="/history/3"' in page
    assert 'href="/history/5"' in page
    assert client.get("/history/4/picture").content.startswith(b"\x89PNG")
    assert client.get("/history/4/heat.png").content.startswith(b"\x89PNG")
    assert client.get("/history/4/run-3/thumb.jpg").content.startswith(b"\xff\xd8")
    record = client.get("/history/4/record.json")
    assert "attachment" in record.headers["content-disposition"]
    assert json.loads(record.text)["id"] == "run-3"


def test_a_part_is_found_by_its_id(client: TestClient) -> None:
    assert client.get("/parts/run-39", follow_redirects=False).headers["location"] == "/history/40"
    assert client.get("/parts/run-999").status_code == 404


def test_a_part_without_a_picture_says_so(client: TestClient) -> None:
    assert "No picture of this part is kept" in client.get("/history/1").text
    assert client.get("/history/1/picture").status_code == 404
    assert client.get("/history/1/run-0/thumb.jpg").headers["content-type"].startswith("image/svg")


def test_a_picture_that_is_gone_or_damaged_by_now_is_a_sign_and_no_error(
    client: TestClient, left: Settings
) -> None:
    pictures = sorted(Path(left.archive.path).rglob("*run-3.png"))
    pictures[0].write_bytes(b"\x89PNG no more")
    assert client.get("/history/4/run-3/thumb.jpg").headers["content-type"].startswith("image/svg")
    pictures[0].unlink()
    assert client.get("/history/4/run-3/thumb.jpg").headers["content-type"].startswith("image/svg")
    assert client.get("/history/4").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/history/0", "/history/999999", "/history/99999999999999999999999999", "/history/-1", "/history/x",
        "/history/4/../../etc/passwd", "/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py",
        "/static//etc/passwd", "/parts/..%2f..%2fetc%2fpasswd", "/language/xx", "/language/..%2fen",
        "/live/x/picture.jpg", "/nothing", "/parts/%00", "/history/4/picture/",
    ],
)  # fmt: skip
def test_unknown_ids_and_tricks_with_paths_are_not_found(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "def build_app" not in answer.text


def test_a_thumb_is_only_of_the_inspection_that_it_names(client: TestClient) -> None:
    assert client.get("/history/4/run-9/thumb.jpg").headers["content-type"].startswith("image/svg")


@pytest.mark.parametrize("path", ["/live/1/picture.jpg", "/live/1/heat.png"])
def test_a_live_picture_that_is_past_is_a_sign(client: TestClient, path: str) -> None:
    assert client.get(path).headers["content-type"].startswith("image/svg")


@pytest.mark.parametrize("host", ["evil.example", "", "127.0.0.1.evil.example", "[", "evil.example:8620"])
def test_another_name_is_a_page_of_strangers(client: TestClient, host: str) -> None:
    assert client.get("/", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1", "[::1]:8620", "LOCALHOST:80"])
def test_the_device_s_own_names_are_ours(client: TestClient, host: str) -> None:
    assert client.get("/", headers={"host": host}).status_code == 200


def test_names_of_a_proxy_are_set(tmp_path: Path) -> None:
    settings = leave(tmp_path, 1, archived=False)
    page = settings.page.model_copy(update={"hosts": "Line3.example, other.example"})
    with TestClient(build_app(settings.model_copy(update={"page": page})), base_url=BASE) as client:
        assert client.get("/", headers={"host": "line3.example"}).status_code == 200
        assert client.get("/", headers={"host": "line4.example"}).status_code == 421


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
def test_nothing_but_reading_and_forms_is_understood(client: TestClient, method: str) -> None:
    assert client.request(method, "/").status_code == 405


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": BASE, "sec-fetch-site": "cross-site"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": "ftp://127.0.0.1:8620"},
    ],
)
def test_a_form_of_another_page_is_refused(client: TestClient, headers: dict[str, str]) -> None:
    assert client.post("/", headers=headers).status_code == 403


def test_a_form_that_leads_nowhere_changes_nothing(client: TestClient) -> None:
    assert client.post("/history", headers={"origin": BASE}).status_code in (404, 405)


def test_a_long_address_and_a_large_body_are_refused(client: TestClient) -> None:
    assert client.get(f"/history?part={'x' * LONGEST_PATH}").status_code == 414
    large = client.post("/", content=b"x" * (LARGEST_BODY + 1), headers={"origin": BASE})
    assert large.status_code == 413
    assert client.get("/", headers={"content-length": "-1"}).status_code == 413


def test_more_requests_than_the_limit_are_refused(tmp_path: Path) -> None:
    settings = leave(tmp_path, 1, archived=False)
    page = settings.page.model_copy(update={"requests_s": 1})
    with TestClient(build_app(settings.model_copy(update={"page": page})), base_url=BASE) as client:
        answers = [client.get("/static/icon.svg").status_code for _ in range(20)]
    assert answers[:2] == [200, 200]
    assert 429 in answers


def test_a_journal_that_is_not_there_or_damaged_is_said_and_now_goes_on(tmp_path: Path) -> None:
    settings = leave(tmp_path, 1, archived=False)
    path = Path(settings.journal.path)
    path.write_bytes(b"no database" * 1000)
    with TestClient(build_app(settings), base_url=BASE) as client:
        assert client.get("/").status_code == 200
        assert "The journal cannot be read now" in client.get("/").text
        assert client.get("/history").status_code == 503
        path.unlink()
        assert "there is no journal" in client.get("/history").text
