"""The `trainer` command."""

# isort: off
import edge.core.start  # noqa: F401  before what takes longer
# isort: on

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.core.command import read_names_as_utf8, run_command, say, show
from edge.core.errors import InputError
from edge.core.native_stderr import native_stderr_filtered
from trainer.kept import is_kept

if TYPE_CHECKING:
    from edge.core.thresholds import Costs
    from trainer.run import Run


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    if argv is None:
        read_names_as_utf8()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # 3: what ends the run alone
    kept: list[Path] = []  # where a training that is cut short leaves what it goes on from
    return run_command("trainer", lambda: _command(argv, kept), interrupted=lambda: _interrupted(kept))


def _command(argv: list[str] | None, kept: list[Path]) -> int:
    from trainer.arguments import build_parser

    arguments = build_parser().parse_args(argv)
    if arguments.command == "train":
        kept.append(arguments.out)
    commands = {"audit": _audit, "train": _train, "evaluate": _evaluate}
    return commands[arguments.command](arguments)


def _interrupted(kept: list[Path]) -> str:
    if any(is_kept(out) for out in kept):
        return "interrupted; training goes on from its last epoch by the same command"
    return "interrupted; nothing was kept"


def _audit(arguments: argparse.Namespace) -> int:
    from edge.core.photographs.layouts import read_layout
    from trainer.audit.audit import audit, with_suspects
    from trainer.report.audit_page import write_audit
    from trainer.run import read_run

    test = read_layout(arguments.test) if arguments.test is not None else None
    layout = read_layout(arguments.data)
    run = read_run(arguments.run) if arguments.run is not None else None
    found = audit(layout, test, threads=arguments.threads)
    if run is not None:
        found = with_suspects(found, run)
    if arguments.report is not None:
        write_audit(arguments.report, arguments.data.resolve().name, found)
    show(json.dumps(found.document()) if arguments.json else found.table())
    return 0


def _import_tensorflow() -> None:
    with native_stderr_filtered():
        import keras
        import tensorflow as tf
    tf.get_logger().setLevel("ERROR")  # its warnings are advice to programmers
    keras.config.disable_interactive_logging()  # standard output is ours


def _costs(arguments: argparse.Namespace) -> "Costs | None":
    from edge.core.thresholds import Costs

    given = (arguments.escape_cost, arguments.overkill_cost, arguments.defect_rate)
    if all(value is None for value in given):
        return None
    if any(value is None for value in given):
        raise InputError("--escape-cost, --overkill-cost and --defect-rate go together; name all three")
    if arguments.max_escape_rate is not None:
        raise InputError("--max-escape-rate and --escape-cost: choose the threshold by one of them")
    return Costs(*given)


def _train(arguments: argparse.Namespace) -> int:
    _import_tensorflow()
    from trainer.fit import FitSettings
    from trainer.settings import TrainSettings
    from trainer.train import train

    settings = TrainSettings(
        task=arguments.task,
        ok_class=arguments.ok,
        model=arguments.model,
        weights=arguments.weights,
        groups=arguments.groups,
        locate=arguments.locate,
        folds=arguments.folds,
        costs=_costs(arguments),
        max_escape_rate=arguments.max_escape_rate,
        max_overkill_rate=arguments.max_overkill_rate,
        size=arguments.size,
        max_milliseconds=arguments.max_ms,
        tensorboard=arguments.tensorboard,
        fit=FitSettings(
            epochs=arguments.epochs,
            batch_size=arguments.batch_size,
            seed=arguments.seed,
            augment=arguments.augment,
        ),
    )
    run = train(arguments.data, arguments.out, settings, test=arguments.test)
    for file, reason in run.left_out.items():
        say(f"trainer: {file}: left out: {reason}")
    for warning in run.warnings:
        say(f"trainer: {warning}")
    if arguments.json:
        show(json.dumps(_document(run, arguments.out)))
    else:
        show(_report(run))
        if run.files is not None:
            show(str(run.files))
        show(f"written to {arguments.out}; look at {arguments.out / 'report.html'}")
    return 0


def _document(run: "Run", out: Path) -> dict[str, Any]:
    return {
        "run": str(out),
        **run.results.model_dump(),
        "split": run.split,
        "seconds": run.training["seconds"],
        "files": None if run.files is None else run.files.model_dump(),
        "warnings": run.warnings,
        "suspects": [suspect.model_dump() for suspect in run.suspects],
        "shortcuts": [asdict(probe) for probe in run.shortcuts],
    }


def _report(run: "Run") -> str:
    from edge.core.words import counted
    from trainer.text import metrics_table

    ok = run.ok_class or "none: all classes are defects"
    parts = [
        f"laid out as {run.layout}",
        f"classes: {', '.join(run.classes)}; OK: {ok}; "
        f"{run.model_name}, {run.training['parameters']} parameters, {run.training['learned_by']}, "
        f"{run.training['seconds']} s",
        f"chosen: {run.training['chosen']}",
        f"\nunseen parts ({run.split})",
        metrics_table(run.results.held_out, run.results.held_out_details),
        f"threshold: {_thresholds_in_words(run)}",
        *([run.learning_curve.in_words()] if run.learning_curve is not None else []),
    ]
    parts += [f"! {probe.in_words()}" for probe in run.shortcuts if probe.is_suspicious]
    if run.suspects:
        parts.append(
            f"likely mislabelled: {counted(len(run.suspects), 'image')}; the report shows the clearest"
        )
    if run.split.startswith("random"):
        parts.append(
            "A random split may hold copies of training images: take the figure as the best case.\n"
            "`trainer audit` tells; --groups keeps parts together."
        )
    if run.results.folds:
        parts += [f"\ncross-validation over {len(run.results.folds)} folds of parts", _folds_table(run)]
    if run.results.test is not None:
        parts += ["\ntest images", metrics_table(run.results.test, run.results.test_details)]
    return "\n".join(parts)


def _thresholds_in_words(run: "Run") -> str:
    cut = run.thresholds
    values = (
        f"{cut.defect_from:.4f}"
        if cut.ok_below == cut.defect_from
        else f"ok below {cut.ok_below:.4f}, defect from {cut.defect_from:.4f}, unsure between"
    )
    return f"{values} ({cut.chosen})"


def _folds_table(run: "Run") -> str:
    lines = []
    for name in ("accuracy", "balanced_accuracy", "auroc"):
        values = [getattr(fold, name) for fold in run.results.folds]
        known = [value for value in values if value is not None]
        if known:
            each = ", ".join(f"{value:.4f}" for value in known)
            mean, worst = sum(known) / len(known), min(known)
            lines.append(f"{name.replace('_', ' '):<18} mean {mean:.4f}, worst {worst:.4f}  ({each})")
    return "\n".join(lines)


def _evaluate(arguments: argparse.Namespace) -> int:
    _import_tensorflow()
    from trainer.evaluate import evaluate_run
    from trainer.text import metrics_table

    evaluated = evaluate_run(arguments.run, arguments.data, groups=arguments.groups)
    for file, reason in evaluated.dataset.left_out.items():
        say(f"trainer: {file}: left out: {reason}")
    for warning in evaluated.dataset.warnings:
        say(f"trainer: {warning}")
    if arguments.report is not None:
        from trainer.report.run_page import Judged, write_evaluation

        judged = Judged(evaluated.dataset, evaluated.network, evaluated.found)
        write_evaluation(
            arguments.report,
            evaluated.run,
            judged,
            evaluated.metrics,
            evaluated.details,
            arguments.data,
            evaluated.files,
        )
    if arguments.json:
        document = {**evaluated.metrics.model_dump(), **evaluated.details.model_dump()}
        show(json.dumps({"run": str(arguments.run), "files": evaluated.files.model_dump(), **document}))
    else:
        show(metrics_table(evaluated.metrics, evaluated.details))
        show(str(evaluated.files))
    return 0


if __name__ == "__main__":
    sys.exit(main())
