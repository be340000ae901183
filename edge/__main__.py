"""The `edge` command."""

# isort: off
import edge.core.start  # noqa: F401  before what takes longer
# isort: on

import argparse
import json
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from edge.core.arguments import Parser
from edge.core.command import read_names_as_utf8, run_command, say, show
from edge.core.errors import JournalError, SettingsError

if TYPE_CHECKING:
    from edge.inspection.inspector import Inspector
    from edge.settings.settings import Settings

EXAMPLES = """\
examples:
  edge demo                                     simulated parts, a broker and the page: a first look
  edge                                          run with config.toml, or with the defaults
  edge --config /etc/linegate/config.toml       run with another file
  edge --camera.kind device --mqtt.host broker  any setting can be a flag; config.toml lists them
  edge --check                                  what works, what doesn't, and how to fix it
  edge --replay photos --model part.tflite      decide on stored images; folders named ok, defect
                                                or as the classes tell the truth about them
  edge --replay line.mp4 --json                 a video; one JSON document on standard output
  edge --replay photos --report photos.html     a page with the mistakes and what was nearly one
  edge --replay photos --compare new.tflite     two bundles on the same pictures
  edge --replay photos --max-escapes 0          exit status 1 if a defect passes
  edge --replay photos --publish                send what was found to the broker as well
  edge --capture data/ok --count 500            frames of the camera as training images
  edge --export november.csv --from 2026-11-01  what the journal holds, also while a station runs
  edge --export-review reviewed                 parts that people reviewed, for the trainer
  edge --counts --from 2026-11-21               counts of verdicts by shift, recipe and lot
  edge init                                     a first config.toml: asks, and tries each answer
  edge page                                     what the station beside this sees, for a browser

exit status: 0 done; 1 done, and the answer is no; 2 wrong usage or input;
             3 the camera's driver hangs, or the journal cannot be opened: a new process is needed, which
             systemd starts
"""
EXIT_NEW_PROCESS = 3


def build_parser() -> argparse.ArgumentParser:
    """The command line: what to do, and a flag for every setting, also as version 0.1 called it."""
    from edge.settings import earlier
    from edge.settings.settings import setting_fields

    parser = Parser(
        prog="edge",
        usage="edge [demo | init | page] [--config FILE] [--SECTION.KEY VALUE ...] "
        "[--replay DIR | --capture DIR/CLASS | --check | --export FILE | --export-review DIR | --counts]",
        description="Inspect parts: frames from a camera in, verdicts over MQTT out.",
        epilog=EXAMPLES,
        allow_abbrev=False,
    )
    parser.add_argument(
        "mode",
        nargs="?",
        choices=["demo", "init", "page"],
        help="watch simulated parts; write a settings file; serve the operator's page; without: the daemon",
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="default: config.toml, if there")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--replay", type=Path, metavar="DIR", help="inspect stored images or a video, then end")
    what.add_argument("--capture", type=Path, metavar="DIR/CLASS", help="write frames to a dataset, then end")
    what.add_argument("--check", action="store_true", help="try everything outside once, then end")
    what.add_argument("--export", type=Path, metavar="FILE", help="the journal as .csv or .parquet, then end")
    what.add_argument(
        "--export-review", type=Path, metavar="DIR", help="reviewed parts as a data set, then end"
    )
    what.add_argument("--counts", action="store_true", help="counts by shift, recipe and lot, then end")
    parser.add_argument("--from", dest="start", metavar="TIME", help="with --export, --counts: from this on")
    parser.add_argument("--to", dest="end", metavar="TIME", help="with --export, --counts: up to this")
    parser.add_argument("--model", metavar="FILE", help="the bundle; short for --model.path")
    parser.add_argument(
        "--report",
        type=Path,
        metavar="OUT",
        help="with --replay: a page, OUT.html; a folder gets report.html and inspections.csv",
    )
    parser.add_argument(
        "--compare", type=Path, metavar="FILE", help="with --replay: another bundle, on the same pictures"
    )
    parser.add_argument(
        "--max-escapes", type=int, metavar="N", help="with --replay: exit status 1 if more defects pass"
    )
    parser.add_argument(
        "--min-accuracy", type=float, metavar="X", help="with --replay: exit status 1 below it, 0 to 1"
    )
    parser.add_argument(
        "--add-user", metavar="NAME", help="with page: ask for a password, print a line for page.users"
    )
    parser.add_argument(
        "--role",
        choices=["look", "review", "operate"],
        help="with --add-user: what they may do (default: review)",
    )
    parser.add_argument("--publish", action="store_true", help="with --replay: send it, marked simulated")
    parser.add_argument("--recipe", metavar="NAME", help="with --replay: the recipe to decide by")
    parser.add_argument("--count", type=int, metavar="N", help="how many frames (--capture: 100)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    settings = parser.add_argument_group("settings", "config.toml says what each does, and its default")
    for key, field in setting_fields():
        text = (field.description or "").replace("%", "%%")
        settings.add_argument(f"--{key}", metavar="VALUE", dest=key, help=text)
    for key in {*earlier.KEYS} - {key for key, _ in setting_fields()}:
        settings.add_argument(f"--{key}", dest=key, help=argparse.SUPPRESS)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    if argv is None:
        read_names_as_utf8()
    words = sys.argv[1:] if argv is None else argv
    if words[:1] == ["demo"]:
        from edge.cli import demo

        return demo.main(words[1:])
    return run_command("edge", lambda: _command(argv), tell=_tell)


def _command(argv: list[str] | None) -> int:
    from edge.service.logs import set_up_logging

    arguments = build_parser().parse_args(argv)
    _refuse_combinations(arguments)
    if arguments.mode == "init":
        from edge.cli.init import init

        return init(arguments.config or Path("config.toml"), _flags(arguments), load_inspector)
    settings = _settings(arguments)
    set_up_logging(settings.log.level, station=settings.station.name)
    if arguments.mode == "page":
        from edge.cli.page import add_user, serve_page

        if arguments.add_user is not None:
            return add_user(arguments.add_user, arguments.role or "review")
        return serve_page(settings)
    if arguments.check:
        return _check(settings, _settings_file(arguments), as_json=arguments.json)
    if arguments.capture is not None:
        return _capture(settings, arguments)
    if arguments.replay is not None:
        return _replay(settings, arguments)
    if arguments.export is not None:
        return _export(settings, arguments)
    if arguments.export_review is not None:
        return _export_review(settings, arguments.export_review)
    if arguments.counts:
        return _counts(settings, arguments)
    return _run(settings, lambda: _settings(arguments))


def _tell(text: str) -> None:
    from edge.service.logs import last_words
    from edge.service.notify import Notifier

    last_words(text)
    Notifier().status(text.removeprefix("edge: "))


def _refuse_combinations(arguments: argparse.Namespace) -> None:
    _refuse_beside_mode(arguments)
    _refuse_unfit_to_replay(arguments)
    if arguments.json and arguments.replay is None and not (arguments.check or arguments.counts):
        raise SettingsError("--json: goes with --replay, --check and --counts")
    if arguments.export is None and not arguments.counts:
        for flag, value in (("--from", arguments.start), ("--to", arguments.end)):
            if value is not None:
                raise SettingsError(f"{flag}: goes with --export and --counts")
    if arguments.count is not None and (arguments.capture is None or arguments.count < 1):
        raise SettingsError("--count: goes with --capture, and must be at least 1")


def _refuse_unfit_to_replay(arguments: argparse.Namespace) -> None:
    if arguments.replay is None:
        for name in ("report", "compare", "max_escapes", "min_accuracy", "publish", "recipe"):
            value = getattr(arguments, name)
            if value is not None and value is not False:
                raise SettingsError(f"--{name.replace('_', '-')}: goes with --replay")
    if arguments.max_escapes is not None and arguments.max_escapes < 0:
        raise SettingsError(f"--max-escapes {arguments.max_escapes}: expected a count, 0 or more")
    if arguments.min_accuracy is not None and not 0 <= arguments.min_accuracy <= 1:
        raise SettingsError(f"--min-accuracy {arguments.min_accuracy}: expected a share from 0 to 1")


def _refuse_beside_mode(arguments: argparse.Namespace) -> None:
    if arguments.mode == "demo":  # where it is the first word it is not parsed here
        raise SettingsError("demo: expected as the first word, with flags of its own: edge demo --help")
    if arguments.add_user is not None and arguments.mode != "page":
        raise SettingsError("--add-user: goes with page")
    if arguments.role is not None and arguments.add_user is None:
        raise SettingsError("--role: goes with --add-user")
    for name in ("replay", "capture", "check", "export", "export_review", "counts", "json"):
        if arguments.mode is not None and getattr(arguments, name):
            raise SettingsError(f"--{name.replace('_', '-')}: does not go with {arguments.mode}")


def _settings(arguments: argparse.Namespace) -> "Settings":
    from edge.settings.load_settings import load_settings

    return load_settings(_settings_file(arguments), _flags(arguments))


def _flags(arguments: argparse.Namespace) -> dict[str, str]:
    flags = {key: text for key, text in vars(arguments).items() if "." in key and text is not None}
    if arguments.model is not None:
        flags["model.path"] = arguments.model
    return flags


def _settings_file(arguments: argparse.Namespace) -> Path | None:
    file: Path | None = arguments.config
    return Path("config.toml") if file is None and Path("config.toml").is_file() else file


def load_inspector(settings: "Settings", recipe: str | None = None) -> "Inspector":
    """The inspector of a recipe, else of the default one; raises BundleError, or SettingsError."""
    from edge.deployment import load
    from edge.settings.recipe import DEFAULT_RECIPE

    recipe = recipe or DEFAULT_RECIPE
    if recipe not in settings.recipe_names:
        raise SettingsError(
            f"--recipe {recipe}: there is no such recipe, but {', '.join(settings.recipe_names)}"
        )
    return load.load_inspector(settings, recipe)


def _run(settings: "Settings", read_settings: Callable[[], "Settings"]) -> int:
    from edge.deployment.deployment import first_deployment
    from edge.deployment.selection import selection_file
    from edge.service.signals import handle_signals
    from edge.station.app import App

    deployment, notes = first_deployment(settings, selection_file(Path(settings.journal.path)))
    try:
        app = App(deployment, notes=notes, read_settings=read_settings)
    except JournalError as error:
        logging.getLogger("edge").error("%s: this process ends; systemd starts a new one", error)
        return EXIT_NEW_PROCESS
    handle_signals(stop=app.request_stop, reload=app.request_reload)
    waiting = app.run()
    counts = app.station.counts
    text = ", ".join(f"{count} {verdict}" for verdict, count in counts.verdicts().items())
    logging.getLogger("edge").info("inspected %d parts: %s", counts.inspected, text)
    if waiting:
        logging.getLogger("edge").warning(
            "%d verdicts wait in %s for the broker", waiting, settings.journal.path
        )
    if app.lost is not None:
        logging.getLogger("edge").error("%s: this process ends; systemd starts a new one", app.lost)
        os._exit(EXIT_NEW_PROCESS)  # the usual way out would wait for the thread that hangs
    return 0


def _check(settings: "Settings", file: Path | None, *, as_json: bool) -> int:
    from dataclasses import asdict

    from edge.cli.check import check, exit_status

    findings = check(settings, load_inspector, file)
    if as_json:
        show(json.dumps({"works": exit_status(findings) == 0, "findings": [asdict(f) for f in findings]}))
    else:
        for finding in findings:
            mark = "FAIL" if not finding.works else "warn" if finding.warning else "ok  "
            show(f"{mark}  {finding.thing:<11} {finding.text}")
    return exit_status(findings)


def _capture(settings: "Settings", arguments: argparse.Namespace) -> int:
    from edge.cli.capture import capture

    is_there = Path(settings.model.path).exists()
    bits = load_inspector(settings).bits if is_there else settings.camera.bits
    captured = capture(settings.camera, arguments.capture, arguments.count or 100, bits)
    show(f"{arguments.capture}: {captured}")
    return 0


def _export(settings: "Settings", arguments: argparse.Namespace) -> int:
    from edge.records.export import export, parse_span

    span = parse_span(arguments.start, arguments.end)
    written, left_out = export(Path(settings.journal.path), arguments.export, span)
    if left_out:
        say(f"edge: {left_out} rows hold no verdict; left out")
    show(f"{written} inspections of {settings.journal.path} written to {arguments.export}")
    return 0


def _export_review(settings: "Settings", out: Path) -> int:
    from edge.records.export_review import export_reviews
    from edge.records.reviews import reviews_beside

    journal = Path(settings.journal.path)
    archive = Path(settings.archive.path) if settings.archive.path else None
    show(f"{out}: {export_reviews(journal, archive, reviews_beside(journal), out)}")
    return 0


def _counts(settings: "Settings", arguments: argparse.Namespace) -> int:
    from edge.records.export import count_by_shift, counts_table, parse_shifts, parse_span

    shifts = parse_shifts(settings.journal.shifts)
    span = parse_span(arguments.start, arguments.end)
    counts = count_by_shift(Path(settings.journal.path), shifts, span)
    if arguments.json:
        show(json.dumps({"journal": settings.journal.path, "counts": counts}))
    elif counts:
        say(f"edge: counted in {settings.journal.path}")
        show(counts_table(counts))
    else:
        show(f"no inspections in {settings.journal.path}")
    return 0


def _replay(settings: "Settings", arguments: argparse.Namespace) -> int:
    from edge.cli.replay_command import Wanted, replay_command

    wanted = Wanted(
        arguments.replay,
        report=arguments.report,
        other=arguments.compare,
        max_escapes=arguments.max_escapes,
        min_accuracy=arguments.min_accuracy,
        publishes=arguments.publish,
        as_json=arguments.json,
    )
    return replay_command(wanted, settings, lambda of: load_inspector(of, arguments.recipe))


if __name__ == "__main__":
    sys.exit(main())
