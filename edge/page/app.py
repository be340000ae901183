"""The page as an ASGI application: which address leads where."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from edge.page import now, past, review
from edge.page.guard import Guard
from edge.page.view import HERE, LANGUAGE_COOKIE, StationView, failure, with_journal
from edge.page.words import languages
from edge.settings.page import PageSettings
from edge.settings.settings import Settings

LOOPBACK = ("localhost", "127.0.0.1", "::1")
_YEAR_S = 365 * 86400


def build_app(settings: Settings, *, when_ready: Callable[[], None] = lambda: None) -> Starlette:
    """The page of a station; ``when_ready`` is called when it may be asked."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        when_ready()
        yield

    guard = Middleware(Guard, hosts=hosts_of(settings.page), per_s=float(settings.page.requests_s))
    app = Starlette(
        routes=_routes(),
        middleware=[guard],
        exception_handlers={404: _not_found, 405: _not_found, 500: _mistake},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.state.view = StationView.of(settings)
    return app


def hosts_of(settings: PageSettings) -> set[str]:
    """The names by which browsers may ask for it."""
    named = settings.hosts.lower().replace(",", " ").split()
    return {*LOOPBACK, settings.address.lower(), *named}


def _routes() -> list[Route | Mount]:
    number = "/history/{number:int}"
    return [
        Route("/", now.now),
        Route("/now/live", now.live),
        Route("/now/rejects", now.rejects),
        Route("/now/hour", now.hour),
        Route("/live/{number:int}/picture.jpg", now.picture),
        Route("/live/{number:int}/heat.png", now.heat),
        Route("/history", with_journal(past.history)),
        Route("/history.csv", with_journal(past.history_csv)),
        Route(number, review.with_records(past.one)),
        Route(f"{number}/{{identity}}/thumb.jpg", with_journal(past.thumb)),
        Route(f"{number}/picture", with_journal(past.picture)),
        Route(f"{number}/heat.png", with_journal(past.heat)),
        Route(f"{number}/record.json", with_journal(past.record)),
        Route("/review", review.with_records(review.review)),
        Route("/review/{number:int}", review.say, methods=["POST"]),
        Route("/login", review.login),
        Route("/login", review.enter, methods=["POST"]),
        Route("/logout", review.leave, methods=["POST"]),
        Route("/parts/{identity}", with_journal(past.by_id)),
        Route("/language/{code}", _language),
        Mount("/static", StaticFiles(directory=HERE / "static")),
    ]


def _language(request: Request) -> Response:
    """From now on this language, in this browser; back to where it was asked for."""
    code = request.path_params["code"]
    if code not in languages():
        return failure(request, 404, "not_found")
    answer = RedirectResponse(_local(request.headers.get("referer", "")), status_code=303)
    answer.set_cookie(LANGUAGE_COOKIE, code, max_age=_YEAR_S, samesite="lax", httponly=True)
    return answer


def _local(referer: str) -> str:
    """The path of a page of ours; any other one is the first page."""
    try:
        path = urlsplit(referer).path
    except ValueError:
        return "/"
    return path if path.startswith("/") and not path.startswith(("//", "/language")) else "/"


def _not_found(request: Request, _: Exception) -> Response:
    return failure(request, 404, "not_found")


def _mistake(request: Request, _: Exception) -> Response:
    return failure(request, 500, "internal")
