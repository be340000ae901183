"""The `trainer` command."""

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.chatter import without_chatter
from edge.errors import InputError, LinegateError
from trainer.augment import KINDS
from trainer.models.registry import AUTOENCODER, DEFAULT, NAMES
from trainer.models.transfer import BACKBONES

if TYPE_CHECKING:
    from trainer.operating_point import Costs
    from trainer.run import Run

EXAMPLES = """\
examples:
  trainer audit photographs                              copies, torn labels, shortcuts: look before you learn
  trainer train photographs --out runs/monday            one folder a class: photographs/ok, …/defect
  trainer train photographs --test other-parts --out runs/monday
  trainer evaluate runs/monday other-parts               figures on parts that it never saw
  trainer audit photographs --run runs/monday --report audit.html    also the labels that a run doubts

exit status: 0 done; 2 wrong usage or input
"""


_DATA = (
    "a folder that holds one folder a class, or train/ and test/ of these, MVTec, DAGM, NEU, or a CSV file"
)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        raise InputError(f"{message}; {self.prog} --help shows what is right")


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = _Parser(
        prog="trainer",
        description="Learn to tell OK parts from defective ones.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
    check = commands.add_parser("audit", help="what is wrong with these photographs", description="Look.")
    check.add_argument("data", type=Path, metavar="DATA", help=_DATA)
    check.add_argument("--test", type=Path, metavar="DIR", help="photographs that you mean to test on")
    check.add_argument(
        "--run", type=Path, metavar="RUN", help="a run that learned from them: which labels does it doubt?"
    )
    check.add_argument("--report", type=_page, metavar="FILE.html", help="also write a page with the pairs")
    check.add_argument("--threads", type=_whole(1, 256), default=os.cpu_count() or 1, help="default: all")
    check.add_argument("--json", action="store_true", help="print one JSON document")
    train = commands.add_parser("train", help="learn from folders of photographs", description="Learn.")
    train.add_argument("data", type=Path, metavar="DATA", help="a folder that holds one folder a class")
    train.add_argument("--out", type=Path, metavar="RUN", required=True, help="folder for the results")
    train.add_argument("--test", type=Path, metavar="DIR", help="other photographs, to score the result on")
    train.add_argument(
        "--task",
        choices=["auto", "binary", "classes", "anomaly"],
        default="auto",
        help="two classes, several, or OK parts alone (default: by the classes that there are)",
    )
    train.add_argument("--ok", metavar="CLASS", help="the class that means OK, where its name doesn't say so")
    train.add_argument(
        "--model",
        choices=NAMES,
        metavar="MODEL",
        default=DEFAULT,
        help="default: a linear head on pretrained features, or small without weights; "
        "frozen: a linear head on the last features alone; from scratch: small, baseline; "
        f"fine-tuned: {', '.join(BACKBONES)}; for OK parts alone: default, {AUTOENCODER}",
    )
    train.add_argument(
        "--weights",
        metavar="WEIGHTS",
        default="auto",
        help="auto (Keras's cache, the network, LINEGATE_WEIGHTS, or none), imagenet, none, or an .h5 file",
    )
    train.add_argument(
        "--groups",
        metavar="GROUPS",
        default="copies",
        help="what never straddles a split: copies (found; the default), none, a CSV file of file and group, "
        "or a regular expression on file names",
    )
    train.add_argument(
        "--folds", type=_folds, default=0, metavar="K", help="cross-validate over K folds of parts"
    )
    train.add_argument(
        "--escape-cost", type=_amount, metavar="COST", help="of one defective part that passes"
    )
    train.add_argument("--overkill-cost", type=_amount, metavar="COST", help="of one good part rejected")
    train.add_argument(
        "--defect-rate", type=_share, metavar="SHARE", help="defective parts on the line: 0.5%%"
    )
    train.add_argument(
        "--max-escape-rate", type=_share, metavar="SHARE", help="of defective parts, proved or refused: 1%%"
    )
    train.add_argument(
        "--max-overkill-rate",
        type=_share,
        default=0.01,
        metavar="SHARE",
        help="of good parts, for --task anomaly (default: 1%%)",
    )
    train.add_argument(
        "--locate",
        choices=["propose", "none", "part", "ring"],
        default="propose",
        help="show the model a square round the part, or a round part as a strip; propose (the default): "
        "neither, but say whether it would help",
    )
    train.add_argument("--size", type=_whole(32, 512), default=160, help="pixels a side (default: 160)")
    train.add_argument(
        "--epochs", type=_whole(1, 10000), help="at most so many (default: 10 to 40, by the photographs)"
    )
    train.add_argument("--batch-size", type=_whole(2, 4096), default=32, help="default: 32")
    train.add_argument("--seed", type=_whole(0, 2**31 - 1), default=1, help="default: 1")
    train.add_argument(
        "--augment",
        type=_kinds,
        metavar="KINDS",
        default=KINDS,
        help=f"random changes that leave the label as it is: all (the default), none, or some of "
        f"{','.join(KINDS)}; not for the default model",
    )
    train.add_argument("--tensorboard", action="store_true", help="write curves to RUN/tensorboard")
    train.add_argument("--json", action="store_true", help="print one JSON document")
    evaluate = commands.add_parser("evaluate", help="score a run on other photographs", description="Score.")
    evaluate.add_argument("run", type=Path, metavar="RUN", help="what `trainer train` wrote")
    evaluate.add_argument("data", type=Path, metavar="DATA", help="a folder that holds one folder a class")
    evaluate.add_argument(
        "--groups",
        metavar="GROUPS",
        default="copies",
        help="what counts as one part in the intervals: copies (found; the default), none, a CSV file, or a "
        "regular expression",
    )
    evaluate.add_argument("--report", type=_page, metavar="FILE.html", help="also write a page with pictures")
    evaluate.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # 3: what ends the run alone
    try:
        arguments = build_parser().parse_args(argv)
        commands = {"audit": _audit, "train": _train, "evaluate": _evaluate}
        return commands[arguments.command](arguments)
    except LinegateError as error:
        print(f"trainer: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            "trainer: interrupted; the same command goes on from its last epoch",
            file=sys.stderr,
        )
        return 130


def _whole(low: int, high: int) -> Any:
    def parse(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text}: a whole number from {low} to {high} would be right")
        return int(text)

    return parse


def _audit(arguments: argparse.Namespace) -> int:
    from trainer.audit.audit import audit, with_suspects
    from trainer.layouts import read_layout
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
    print(json.dumps(found.document()) if arguments.json else found.table())
    return 0


def _import_tensorflow() -> None:
    with without_chatter():
        import keras
        import tensorflow as tf
    tf.get_logger().setLevel("ERROR")  # its warnings are advice to programmers
    keras.config.disable_interactive_logging()  # standard output is ours


def _page(text: str) -> Path:
    """Where a page is to be written; said before the work, not after."""
    path = Path(text)
    if path.is_dir() or not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"{text}: a file in a folder that is there would be right")
    return path


def _amount(text: str) -> float:
    try:
        amount = float(text)
    except ValueError:
        amount = -1.0
    if not 0 < amount < 1e12:
        raise argparse.ArgumentTypeError(f"{text}: a positive number would be right")
    return amount


def _share(text: str) -> float:
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 < share < 1:
        raise argparse.ArgumentTypeError(
            f"{text}: a share between 0 and 1, or between 0% and 100%, would be right"
        )
    return share


def _costs(arguments: argparse.Namespace) -> "Costs | None":
    from trainer.operating_point import Costs

    given = (arguments.escape_cost, arguments.overkill_cost, arguments.defect_rate)
    if all(value is None for value in given):
        return None
    if any(value is None for value in given):
        raise InputError("--escape-cost, --overkill-cost and --defect-rate go together; name all three")
    if arguments.max_escape_rate is not None:
        raise InputError("--max-escape-rate and --escape-cost: choose the threshold by one of them")
    return Costs(*given)


def _kinds(text: str) -> tuple[str, ...]:
    if text in ("all", "none"):
        return KINDS if text == "all" else ()
    kinds = text.split(",")
    wrong = [kind for kind in kinds if kind not in KINDS]
    if wrong:
        raise argparse.ArgumentTypeError(
            f"{wrong[0]}: all, none, or some of {','.join(KINDS)} would be right"
        )
    return tuple(kind for kind in KINDS if kind in kinds)


def _folds(text: str) -> int:
    return int(_whole(2, 100)(text))


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
        print(f"trainer: {file}: left out: {reason}", file=sys.stderr)
    for warning in run.warnings:
        print(f"trainer: {warning}", file=sys.stderr)
    if arguments.json:
        print(json.dumps(_document(run, arguments.out)))
    else:
        print(_report(run))
        print(f"written to {arguments.out}; look at {arguments.out / 'report.html'}")
    return 0


def _document(run: "Run", out: Path) -> dict[str, Any]:
    return {
        "run": str(out),
        **run.results.model_dump(),
        "split": run.split,
        "seconds": run.training["seconds"],
        "warnings": run.warnings,
        "suspects": [suspect.model_dump() for suspect in run.suspects],
        "shortcuts": [asdict(probe) for probe in run.shortcuts],
    }


def _report(run: "Run") -> str:
    from trainer.text import figures_table

    ok = run.ok_class or "none: all classes are defects"
    parts = [
        f"classes: {', '.join(run.classes)}; OK: {ok}; "
        f"{run.model_name}, {run.training['parameters']} parameters, {run.training['learned_by']}, "
        f"{run.training['seconds']} s",
        f"\nvalidation images ({run.split})",
        figures_table(run.results.validation, run.results.validation_details),
        f"threshold: {_thresholds_in_words(run)}",
    ]
    parts += [f"! {probe.in_words()}" for probe in run.shortcuts if probe.is_suspicious]
    if run.suspects:
        parts.append(f"{len(run.suspects)} images are likely mislabelled; the report shows the clearest")
    if run.split.startswith("random"):
        parts.append(
            "A random split may hold copies of training images: take the figure as the best case.\n"
            "`trainer audit` tells; --groups keeps parts together."
        )
    if run.results.folds:
        parts += [f"\ncross-validation over {len(run.results.folds)} folds of parts", _folds_table(run)]
    if run.results.test is not None:
        parts += ["\ntest images", figures_table(run.results.test, run.results.test_details)]
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
    from trainer.scoring import score
    from trainer.text import figures_table

    scored = score(arguments.run, arguments.data, groups=arguments.groups)
    if arguments.report is not None:
        from trainer.report.run_page import Judged, write_evaluation

        judged = Judged(scored.dataset, scored.network, scored.found)
        write_evaluation(arguments.report, scored.run, judged, scored.figures, scored.details, arguments.data)
    if arguments.json:
        document = {**scored.figures.model_dump(), **scored.details.model_dump()}
        print(json.dumps({"run": str(arguments.run), **document}))
    else:
        print(figures_table(scored.figures, scored.details))
    return 0


if __name__ == "__main__":
    sys.exit(main())
