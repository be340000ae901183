"""`edge --replay`: replay, compare, report, and say whether it is good enough."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge.cli.replay import Replay, replay, write_table
from edge.cli.replay_compare import Comparison, compare, in_words
from edge.cli.replay_gallery import Gallery
from edge.cli.replay_page import Report, write_replay_page
from edge.cli.replay_text import summary
from edge.core.command import say, show
from edge.core.errors import InputError
from edge.core.files import folder_to_fill
from edge.deployment.load import open_model
from edge.inspection.inspector import Inspector
from edge.settings.settings import Settings

PAGE_SUFFIXES = (".html", ".htm")
PAGE, TABLE = "report.html", "inspections.csv"


@dataclass(frozen=True)
class Wanted:
    """The command line of a replay; ``other``: the bundle to compare with."""

    source: Path
    report: Path | None = None
    other: Path | None = None
    max_escapes: int | None = None
    min_accuracy: float | None = None
    publishes: bool = False
    as_json: bool = False


def replay_command(wanted: Wanted, settings: Settings, load: Callable[[Settings], Inspector]) -> int:
    """Do what is wanted; returns 0, or 1 where a limit is not kept.

    Raises InputError where there is nothing to inspect, no truth to keep a limit by, or a report cannot be
    written; BundleError and BrokerError as well.
    """
    inspector = load(settings)
    other = None if wanted.other is None else _other(wanted.other, settings, inspector)
    gallery = Gallery(inspector)
    result = _replay(wanted, settings, inspector, gallery)
    comparison = None if other is None else compare(result, replay(wanted.source, other))
    for note in result.notes:
        say(f"edge: {note}")
    for error in result.errors:
        say(f"edge: {error}; left out")
    broken = _broken_limits(result, wanted)
    if wanted.report is not None:
        _write(wanted.report, Report(wanted.source, inspector, result, gallery, comparison))
    show(_document(result, comparison) if wanted.as_json else _text(result, comparison))
    for line in broken:
        say(f"edge: {line}")
    return 1 if broken else 0


def _replay(wanted: Wanted, settings: Settings, inspector: Inspector, gallery: Gallery) -> Replay:
    if not wanted.publishes:
        return replay(wanted.source, inspector, look=gallery.look)
    from edge.cli.publish import replay_and_publish

    return replay_and_publish(wanted.source, settings, inspector, gallery.look)


def _other(bundle: Path, settings: Settings, first: Inspector) -> Inspector:
    """Another bundle, by its own thresholds: those of a recipe were made for the first one."""
    model = open_model(bundle, settings)
    return Inspector(model, region=first.region, recipe=first.recipe, bits=settings.camera.bits)


def _broken_limits(result: Replay, wanted: Wanted) -> list[str]:
    if wanted.max_escapes is None and wanted.min_accuracy is None:
        return []
    metrics = result.metrics
    if metrics is None or metrics.accuracy is None:
        flag = "--max-escapes" if wanted.max_escapes is not None else "--min-accuracy"
        raise InputError(f"{flag}: {wanted.source} tells no truth to judge by; expected folders of classes")
    broken = []
    if wanted.max_escapes is not None and metrics.escapes > wanted.max_escapes:
        broken.append(f"{metrics.escapes} escapes are more than --max-escapes {wanted.max_escapes}")
    if wanted.min_accuracy is not None and metrics.accuracy < wanted.min_accuracy:
        broken.append(f"accuracy {metrics.accuracy:.4f} is less than --min-accuracy {wanted.min_accuracy:g}")
    return broken


def _write(out: Path, report: Report) -> None:
    if out.suffix.lower() in PAGE_SUFFIXES:
        write_replay_page(out, report)
        return
    try:
        with folder_to_fill(out):
            write_table(report.replay, out / TABLE)
            write_replay_page(out / PAGE, report)
    except OSError as error:
        raise InputError(f"--report {out}: cannot be written ({error.strerror})") from error


def _document(result: Replay, comparison: Comparison | None) -> str:
    document = result.document()
    if comparison is not None:
        document["compared"] = comparison.document()
    return json.dumps(document)


def _text(result: Replay, comparison: Comparison | None) -> str:
    return "\n".join([summary(result), *([] if comparison is None else [in_words(comparison)])])
