"""The page *Now*, and the fragments of it that a browser asks for again and again."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from edge.core.decision import Verdict
from edge.core.errors import ImageError, JournalError
from edge.page.chart import rate_chart
from edge.page.pictures import coloured
from edge.page.view import StationView, no_picture, page, words_of
from edge.records.history import Wanted, latest

REJECTS = 24
_REJECTABLE = (Verdict.DEFECT, Verdict.UNSURE, Verdict.FAULT)  # what is ok always passes
_PICTURE_S = 60


def now(request: Request) -> Response:
    """All of it."""
    return page(request, "now.html", **_live(request), **_rejects(request), **_hour(request))


def live(request: Request) -> Response:
    """State, alarms and the newest part."""
    return page(request, "_live.html", **_live(request))


def rejects(request: Request) -> Response:
    """The wall of the last rejects."""
    return page(request, "_rejects.html", **_rejects(request))


def hour(request: Request) -> Response:
    """The figures of the last hour."""
    return page(request, "_hour.html", **_hour(request))


def picture(request: Request) -> Response:
    """The frame of a part that was the newest a moment ago."""
    seen = _view(request).feed.picture(request.path_params["number"])
    if seen is None or not seen.picture:
        return no_picture()
    return Response(seen.picture, media_type="image/jpeg", headers=_kept())


def heat(request: Request) -> Response:
    """Where it looks like a defect, to lay on the picture."""
    seen = _view(request).feed.picture(request.path_params["number"])
    if seen is None or not seen.heat:
        return no_picture()
    try:
        return Response(coloured(seen.heat), media_type="image/png", headers=_kept())
    except ImageError:
        return no_picture()


def _kept() -> dict[str, str]:
    return {"cache-control": f"private, max-age={_PICTURE_S}"}


def _view(request: Request) -> StationView:
    view: StationView = request.app.state.view
    return view


def _live(request: Request) -> dict[str, Any]:
    return {"seen": _view(request).feed.latest()}


def _rejects(request: Request) -> dict[str, Any]:
    view = _view(request)
    try:
        found = latest(view.journal, Wanted(verdicts=_REJECTABLE, action="reject"), limit=REJECTS)
    except JournalError as error:
        return {"rejects": None, "rejects_trouble": words_of(request)("error.journal", reason=str(error))}
    return {"rejects": found, "rejects_trouble": None, "has_archive": view.archive is not None}


def _hour(request: Request) -> dict[str, Any]:
    try:
        counted = _view(request).hour()
    except JournalError as error:
        return {"hour": None, "hour_trouble": words_of(request)("error.journal", reason=str(error))}
    return {"hour": counted, "hour_trouble": None, "chart": rate_chart(counted)}
