"""The page *Review*: what a person says of parts, and what that tells of the line."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from edge.core.decision import Thresholds, Verdict
from edge.core.errors import JournalError, ReviewError
from edge.page.login import SESSION_S, Session
from edge.page.view import StationView, failure, page
from edge.records.history import Inspected, Wanted, inspection, latest
from edge.records.review_estimate import Reviewed, TrueRates, estimate
from edge.records.review_sample import Chance, Shares, chance_of, is_shown, turn_of
from edge.records.reviews import (
    CANT_TELL,
    DEFECT,
    OK,
    SKIPPED,
    WITHDRAWN,
    Review,
    add_review,
    read_reviews,
)

CHOSEN = "chosen"
"""Reviewed because a person wanted to, and not because it was shown: it says nothing of other parts."""
AMONG = 2000
"""The latest inspections, among which parts are shown and of which the rates are."""
MOST_KINDS = 9
_UNKNOWN = Thresholds(ok_below=0.5, defect_from=0.5, chosen="no station runs that says its thresholds")
_NUMBERS = 2**62


@dataclass(frozen=True)
class Queue:
    """The latest inspections, their reviews, and what is to be shown next."""

    found: list[Inspected]
    reviews: dict[str, Review]
    waiting: list[Inspected]

    @property
    def kinds(self) -> list[str]:
        """Kinds of defects that the bundle has named, for one key each."""
        named = (str(one.row.get("class")) for one in self.found if one.row["verdict"] == Verdict.DEFECT)
        return sorted({name for name in named if name not in (OK, DEFECT, "None")})[:MOST_KINDS]

    def rates(self) -> TrueRates | None:
        """The true rates among these inspections, as far as reviews tell."""
        passed = {one.id: one.row.get("action") == "pass" for one in self.found}
        told = [
            Reviewed(passed[review.inspection], review.label != OK, review.probability)
            for review in self.reviews.values()
            if review.inspection in passed and review.tells_truth and review.shown_because != CHOSEN
        ]
        return estimate(told, passed=sum(passed.values()), rejected=len(passed) - sum(passed.values()))


def queue_of(view: StationView) -> Queue:
    """Read anew; raises JournalError or ReviewError."""
    found = latest(view.journal, Wanted(), limit=AMONG)
    reviews = read_reviews(view.reviews)
    cut = thresholds_of(view)
    chances = [(one, chance_of(one.row, cut, Shares())) for one in found if one.id not in reviews]
    shown = [(one, chance) for one, chance in chances if is_shown(one.id, chance)]
    waiting = [one for one, _ in sorted(shown, key=lambda pair: turn_of(pair[0].id, pair[1]))]
    return Queue(found, reviews, waiting)


def thresholds_of(view: StationView) -> Thresholds:
    """Those by which the station decides now."""
    seen = view.feed.latest(wait_s=0.2)
    newest = None if seen is None else seen.now.part
    if newest is None or newest.ok_below is None or newest.defect_from is None:
        return _UNKNOWN
    return Thresholds(ok_below=newest.ok_below, defect_from=newest.defect_from, chosen="in service")


def review(request: Request) -> Response:
    """The next part to be reviewed, and what reviews tell so far."""
    view, session = _view(request), session_of(request)
    queue = queue_of(view)
    shown = next(((one, kept) for one in queue.waiting if (kept := view.kept(one)) is not None), None)
    before = request.query_params.get("after", "")
    reviewed = (
        inspection(view.journal, int(before)) if before.isdecimal() and int(before) < _NUMBERS else None
    )
    return page(
        request,
        "review.html",
        session=session,
        may_log_in=view.login.is_possible,
        shown=shown[0] if shown else None,
        kept=shown[1] if shown else None,
        kinds=queue.kinds,
        reviewed=reviewed,
        said=queue.reviews.get(reviewed.id) if reviewed else None,
        rates=queue.rates(),
        among=len(queue.found),
    )


async def say(request: Request) -> Response:
    """A review of a part, from a form of the page Review or of the part's own page."""
    fields = await form_of(request)
    return await run_in_threadpool(with_records(lambda asked: _say(asked, fields)), request)


def _say(request: Request, fields: dict[str, str]) -> Response:
    view, session = _view(request), session_of(request)
    if session is None or not session.may("review") or fields.get("token") != session.token:
        return failure(request, 403, "forbidden")
    number = request.path_params["number"]
    found = inspection(view.journal, number) if number < _NUMBERS else None
    label = fields.get("label", "")
    if found is None:
        return failure(request, 404, "not_found")
    if label not in (OK, DEFECT, CANT_TELL, SKIPPED, WITHDRAWN) and label not in queue_of(view).kinds:
        return failure(request, 400, "bad_request")
    chance = chance_of(found.row, thresholds_of(view), Shares())
    if not is_shown(found.id, chance):
        chance = Chance(chance.probability, CHOSEN)
    told = Review(found.id, label, session.name, time.time(), chance.probability, chance.because)
    add_review(view.reviews, told)
    back = f"/history/{number}" if fields.get("back") == "part" else f"/review?after={number}"
    return RedirectResponse(back, status_code=303)


def login(request: Request) -> Response:
    """The form."""
    return page(request, "login.html", trouble=False, session=session_of(request))


async def enter(request: Request) -> Response:
    """A name and a password."""
    fields = await form_of(request)
    name, password = fields.get("name", ""), fields.get("password", "")
    cookie = await run_in_threadpool(_view(request).login.enter, name, password)
    if cookie is None:
        return page(request, "login.html", status=403, trouble=True, session=None)
    answer = RedirectResponse("/review", status_code=303)
    is_encrypted = request.headers.get("origin", "").startswith("https://")  # a proxy may do that
    answer.set_cookie(
        cookie_of(_view(request)),
        cookie,
        max_age=int(SESSION_S),
        httponly=True,
        samesite="strict",
        secure=is_encrypted,
    )
    return answer


async def leave(request: Request) -> Response:
    """The end of a session."""
    fields, session = await form_of(request), session_of(request)
    if session is None or fields.get("token") != session.token:
        return failure(request, 403, "forbidden")
    view = _view(request)
    view.login.leave(request.cookies.get(cookie_of(view)))
    answer = RedirectResponse("/review", status_code=303)
    answer.delete_cookie(cookie_of(view))
    return answer


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form, each once; what is no form has none. The guard bounds its size."""
    try:
        text = (await request.body()).decode("ascii")
        found = parse_qs(
            text, max_num_fields=10, strict_parsing=bool(text), encoding="utf-8", errors="strict"
        )
    except (ValueError, UnicodeError):
        return {}
    return {name: values[0] for name, values in found.items() if len(values) == 1}


def session_of(request: Request) -> Session | None:
    """Who asks, if they are logged in."""
    view = _view(request)
    return view.login.session(request.cookies.get(cookie_of(view)))


def cookie_of(view: StationView) -> str:
    """The name of a station's cookie: browsers send those of one host to each of its ports."""
    return f"session-{view.station}"


def with_records(work: Callable[[Request], Response]) -> Callable[[Request], Response]:
    """A page that says so where journal or reviews cannot be used."""

    def guarded(request: Request) -> Response:
        try:
            return work(request)
        except (JournalError, ReviewError) as error:
            return failure(request, 503, "journal", reason=str(error))

    return guarded


def _view(request: Request) -> StationView:
    view: StationView = request.app.state.view
    return view
