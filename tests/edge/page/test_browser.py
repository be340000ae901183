"""Every page in a real browser: nothing complains, and what moves moves."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.outputs.live.wire import socket_file
from edge.page.login import user_line
from edge.records.reviews import history, reviews_beside
from edge.settings.settings import Settings
from testing.waiting import wait_for
from tests.edge.page.serving import serving
from tests.edge.station.stand import BAD, GOOD, Stand

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium")
SMALLEST = 44  # pixels of what a finger hits


class Complaints(list[str]):
    """Complaints of the browser."""

    def hear(self, page: Any) -> None:
        page.on("console", lambda said: self.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.append(str(error)))
        page.on("requestfailed", self._failed)

    def _failed(self, request: Any) -> None:
        if request.failure != "net::ERR_ABORTED":  # the reader went on to another page
            self.append(f"{request.url}: {request.failure}")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    heard = Complaints()
    yield heard
    assert heard == []


@pytest.fixture
def page(browser: Any, complaints: Complaints) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 820, "height": 1180}, locale="en-GB")
    opened = context.new_page()
    complaints.hear(opened)
    yield opened
    context.close()


def test_now_follows_the_line(stand: Callable[..., Stand], left: Settings, tmp_path: Path, page: Any) -> None:
    here = stand(simulated=True, station__name="line", journal__path=tmp_path / "journal.sqlite")
    wait_for(socket_file(tmp_path / "journal.sqlite").exists)
    with serving(left) as address:
        here.show(GOOD)
        page.goto(address)
        page.get_by_text("Running").wait_for()
        page.get_by_text(here.messages[-1].part).wait_for()
        here.show(BAD)
        page.locator("#live .result .badge.defect").wait_for()
        assert page.locator("#live .stack img").first.evaluate("image => image.naturalWidth") == 32
        page.get_by_text("Hold the picture").click()
        before = page.locator("#live .result").inner_text()
        here.show(GOOD)
        page.wait_for_timeout(1500)
        assert page.locator("#live .result").inner_text() == before
        page.goto("about:blank")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_history_is_searched_and_a_part_looked_at_by_keyboard_alone(
    left: Settings, browser: Any, complaints: Complaints, scheme: str
) -> None:
    context = browser.new_context(color_scheme=scheme, locale="en-GB")
    page = context.new_page()
    complaints.hear(page)
    with serving(left) as address:
        page.goto(f"{address}/history")
        page.get_by_label("Verdict").focus()
        page.keyboard.type("Defect")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_url("**verdict=defect**")
        link = page.get_by_role("link", name="P-39")
        link.focus()
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="Part P-39").wait_for()
        heat = page.locator("img.heat")
        assert heat.evaluate("image => image.naturalWidth") > 0
        assert heat.is_visible()
        page.locator("#show-heat").focus()
        page.keyboard.press("Space")
        assert not heat.is_visible()
        with page.expect_download() as download:
            page.get_by_role("link", name="Record (JSON)").click()
        assert download.value.suggested_filename == "run-39.json"
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_parts_are_reviewed_by_keyboard_alone_and_one_is_taken_back(
    left: Settings, browser: Any, complaints: Complaints, scheme: str
) -> None:
    context = browser.new_context(color_scheme=scheme, locale="de-DE")
    page = context.new_page()
    complaints.hear(page)
    users = user_line("ann", "review", "correct horse")
    with serving(left, "--page.users", users) as address:
        page.goto(f"{address}/login")
        page.keyboard.type("ann")
        page.keyboard.press("Tab")
        page.keyboard.type("correct horse")
        page.keyboard.press("Enter")
        page.wait_for_url("**/review")
        first = page.locator("#question").inner_text()
        page.keyboard.press("d")
        page.wait_for_url("**after=*")
        page.get_by_role("status").get_by_text("Fehler").wait_for()
        assert page.locator("#question").inner_text() != first
        page.keyboard.press("u")
        page.get_by_role("status").wait_for(state="detached")
        assert page.locator("#question").inner_text() == first
        page.goto("about:blank")
    path = reviews_beside(Path(left.journal.path))
    assert [review.label for review in history(path)] == ["defect", "withdrawn"]
    context.close()


@pytest.mark.parametrize(
    "path", ["/", "/history", "/history/4", "/history/1", "/review", "/login", "/nothing"]
)
def test_fingers_find_what_they_aim_at_and_nothing_is_wider_than_a_tablet(
    left: Settings, browser: Any, path: str
) -> None:
    context = browser.new_context(viewport={"width": 768, "height": 1024}, locale="de-DE")
    page = context.new_page()
    with serving(left) as address:
        page.goto(f"{address}{path}")
        small = page.eval_on_selector_all(
            "main a, main button, main select, main label.button, nav a, .languages a",
            f"them => them.filter(one => one.getBoundingClientRect().height < {SMALLEST})"
            ".map(one => one.outerHTML)",
        )
        assert small == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 768
        unnamed = page.eval_on_selector_all(
            "a, button, input, select, img",
            "them => them.filter(one => !(one.textContent.trim() || one.getAttribute('alt') !== null"
            " || one.getAttribute('aria-label') || (one.labels && one.labels.length)))"
            ".map(one => one.outerHTML)",
        )
        assert unnamed == []
        page.goto("about:blank")
    context.close()


def test_without_scripts_the_page_shows_and_looks_again_by_itself(left: Settings, browser: Any) -> None:
    context = browser.new_context(java_script_enabled=False, locale="en-GB")
    page = context.new_page()
    with serving(left) as address:
        page.goto(address)
        assert "The last rejects" in page.content()
        assert page.locator("meta[http-equiv=refresh]").count() == 1
        page.goto("about:blank")
    context.close()
