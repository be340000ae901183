"""The page *History*: inspections by time, verdict, class, score, part and lot, and each by itself."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import datetime
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from edge.core.csv_cells import to_cell
from edge.core.decision import Verdict
from edge.core.documents import rfc3339
from edge.core.errors import InputError
from edge.page.pictures import coloured_file, thumbnail
from edge.page.review import queue_of, session_of
from edge.page.view import StationView, failure, no_picture, page, words_of
from edge.records.export import COLUMNS
from edge.records.history import Inspected, Wanted, inspection, latest, neighbours, number_of
from edge.records.reviews import history as told_of

A_PAGE = 50
_AT_ONCE = 1000
MOST_ROWS = 100_000
_LONGEST = 300
_LARGEST_NUMBER = 2**62
_DAY_S = 86400
_FIELDS = ("from", "to", "verdict", "class", "score_from", "score_to", "part", "lot")
_RECORD = (
    "recorded_at", "captured_at", "verdict", "class", "score", "reason", "action", "frames", "latency_ms",
    "recipe", "lot", "source", "truth", "bundle_sha256", "id", "late", "sent",
)  # fmt: skip


def history(request: Request) -> Response:
    """The latest inspections that are wanted, or those before."""
    asked = {name: request.query_params.get(name, "").strip() for name in _FIELDS}
    trouble, found, older = None, [], None
    try:
        wanted, before = wanted_of(asked), _before(request.query_params.get("before", ""))
    except InputError as error:
        field, _, value = str(error).partition("=")
        trouble = words_of(request)("history.wrong", field=words_of(request)(f"history.{field}"), value=value)
    else:
        found = latest(_view(request).journal, wanted, limit=A_PAGE + 1, before=before)
    if len(found) > A_PAGE:
        found = found[:A_PAGE]
        older = _query(asked, before=f"{found[-1].recorded!r}-{found[-1].number}")
    return page(
        request,
        "history.html",
        status=400 if trouble else 200,
        asked=asked,
        trouble=trouble,
        found=found,
        older=older,
        is_first="before" not in request.query_params,
        first=_query(asked),
        verdicts=list(Verdict),
    )


def history_csv(request: Request) -> Response:
    """The same as a CSV file, from the newest on, MOST_ROWS at most."""
    try:
        wanted = wanted_of({name: request.query_params.get(name, "").strip() for name in _FIELDS})
    except InputError:
        return failure(request, 400, "bad_request")
    view = _view(request)
    first = latest(view.journal, wanted, limit=_AT_ONCE)
    name = f"inspections-{datetime.now().astimezone():%Y%m%dT%H%M}.csv"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(_lines(view, wanted, first), media_type="text/csv", headers=headers)


def one(request: Request) -> Response:
    """An inspection with its picture and its record."""
    found = _find(request)
    if found is None:
        return failure(request, 404, "not_found")
    view = _view(request)
    kept = view.kept(found)
    before, after = neighbours(view.journal, found.number)
    session = session_of(request)
    told = [one for one in told_of(view.reviews) if one.inspection == found.id]
    return page(
        request,
        "part.html",
        found=found,
        kept=kept,
        record=[(name, found.row[name]) for name in _RECORD if found.row.get(name) not in (None, "")],
        before=before,
        after=after,
        told=told,
        token=session.token if session is not None and session.may("review") else None,
        kinds=queue_of(view).kinds if session is not None else [],
    )


def by_id(request: Request) -> Response:
    """From an id, of one of the latest, to its page."""
    number = number_of(_view(request).journal, request.path_params["identity"][:_LONGEST])
    if number is None:
        return failure(request, 404, "not_found")
    return RedirectResponse(f"/history/{number}", status_code=303)


def thumb(request: Request) -> Response:
    """A small picture."""
    view, number = _view(request), request.path_params["number"]
    data = view.thumbs.get(f"{number}-{request.path_params['identity']}", lambda: _thumb(request))
    if data is None:
        return no_picture()
    return Response(data, media_type="image/jpeg", headers={"cache-control": f"private, max-age={_DAY_S}"})


def picture(request: Request) -> Response:
    """The archived picture as it is kept."""
    found = _find(request)
    kept = None if found is None else _view(request).kept(found)
    if found is None or kept is None:
        return failure(request, 404, "not_found")
    try:
        data = kept.picture.read_bytes()
    except OSError:
        return failure(request, 404, "not_found")
    kind = "image/png" if kept.picture.suffix == ".png" else "image/jpeg"
    name = f"{found.id}{kept.picture.suffix}"
    return Response(data, media_type=kind, headers={"content-disposition": f'inline; filename="{name}"'})


def heat(request: Request) -> Response:
    """Its heat in colour."""
    found = _find(request)
    kept = None if found is None else _view(request).kept(found)
    data = None if kept is None or kept.heat is None else coloured_file(kept.heat)
    if found is None or data is None:
        return failure(request, 404, "not_found")
    headers = {"content-disposition": f'inline; filename="{found.id}.heat.png"'}
    return Response(data, media_type="image/png", headers=headers)


def record(request: Request) -> Response:
    """Its record as JSON."""
    found = _find(request)
    if found is None:
        return failure(request, 404, "not_found")
    said = {name: _as_text(value) for name, value in found.row.items()}
    headers = {"content-disposition": f'attachment; filename="{found.id}.json"'}
    return Response(json.dumps(said, indent=1), media_type="application/json", headers=headers)


def wanted_of(asked: dict[str, str]) -> Wanted:
    """The query of a form; raises InputError, which says "field=value", for what can't be meant."""
    if any(len(value) > _LONGEST for value in asked.values()):
        field = next(name for name, value in asked.items() if len(value) > _LONGEST)
        raise InputError(f"{field}={asked[field][:20]}…")
    verdict = asked["verdict"]
    if verdict and verdict not in set(Verdict):
        raise InputError(f"verdict={verdict}")
    return Wanted(
        start=_moment("from", asked["from"]),
        end=_moment("to", asked["to"]),
        verdicts=(Verdict(verdict),) if verdict else (),
        predicted=asked["class"] or None,
        score_from=_score("score_from", asked["score_from"]),
        score_to=_score("score_to", asked["score_to"]),
        part=asked["part"] or None,
        lot=asked["lot"] or None,
    )


def _view(request: Request) -> StationView:
    view: StationView = request.app.state.view
    return view


def _find(request: Request) -> Inspected | None:
    number = request.path_params["number"]
    return inspection(_view(request).journal, number) if number < _LARGEST_NUMBER else None


def _thumb(request: Request) -> bytes | None:
    found = _find(request)
    if found is None or found.id != request.path_params["identity"]:
        return None
    kept = _view(request).kept(found)
    return None if kept is None else thumbnail(kept)


def _query(asked: dict[str, str], **more: str) -> str:
    return urlencode({name: value for name, value in {**asked, **more}.items() if value})


def _before(text: str) -> tuple[float, int] | None:
    """Where a page ends, as _query wrote it; anything else is the first page."""
    recorded, _, number = text.rpartition("-")
    try:
        place = float(recorded), int(number)
    except ValueError:
        return None
    return place if 0 <= place[1] < _LARGEST_NUMBER else None


def _moment(field: str, text: str) -> float | None:
    try:
        return datetime.fromisoformat(text).astimezone().timestamp() if text else None
    except (ValueError, OverflowError, OSError):
        raise InputError(f"{field}={text}") from None


def _score(field: str, text: str) -> float | None:
    try:
        score = float(text.replace(",", ".")) if text else None
    except ValueError:
        score = -1.0
    if score is not None and not 0 <= score <= 1:
        raise InputError(f"{field}={text}")
    return score


def _lines(view: StationView, wanted: Wanted, some: list[Inspected]) -> Iterator[bytes]:
    """As many at once as are held in memory; what the station deletes meanwhile is left out."""
    yield "\ufeff".encode() + _csv_line(COLUMNS)
    left = MOST_ROWS
    while some and left > 0:
        yield b"".join(_csv_line([to_cell(_as_text(one.row.get(name))) for name in COLUMNS]) for one in some)
        left -= len(some)
        some = latest(view.journal, wanted, limit=_AT_ONCE, before=(some[-1].recorded, some[-1].number))


def _csv_line(cells: "tuple[str, ...] | list[object]") -> bytes:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue().encode()


def _as_text(value: object) -> object:
    if isinstance(value, datetime):
        return rfc3339(value)
    return ("true" if value else "false") if isinstance(value, bool) else value
