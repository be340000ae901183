"""The command line of `trainer`."""

import argparse
import os
from pathlib import Path
from typing import Any

from edge.core.arguments import Parser
from trainer.augment import KINDS
from trainer.input_size import Size
from trainer.models.registry import AUTO, AUTOENCODER, NAMES
from trainer.models.transfer import PRETRAINED

_EXAMPLES = """\
examples:
  trainer audit photographs                              copies, torn labels, shortcuts: look before you learn
  trainer train photographs --out runs/monday            one folder a class: photographs/ok, …/defect
  trainer train photographs --test other-parts --out runs/monday
  trainer evaluate runs/monday other-parts               figures on parts that it never saw

exit status: 0 done; 2 wrong usage or input
"""
_AUDIT_EXAMPLES = """\
examples:
  trainer audit photographs
  trainer audit photographs --test other-parts --report audit.html
  trainer audit photographs --run runs/monday            also the labels that a run doubts
"""
_TRAIN_EXAMPLES = """\
examples:
  trainer train photographs --out runs/monday
  trainer train photographs --out runs/monday --folds 5              each part held out once
  trainer train photographs --out runs/monday --groups 'part_(\\d+)'  by what the file names say
  trainer train good-parts --out runs/monday --task anomaly          from OK parts alone
  trainer train photographs --out runs/monday --escape-cost 200 --overkill-cost 2 --defect-rate 0.5%
"""
_EVALUATE_EXAMPLES = """\
examples:
  trainer evaluate runs/monday other-parts
  trainer evaluate runs/monday other-parts --report other.html
"""
_LEAST_SIDE, _MOST_SIDE = 32, 1280  # pixels
_DATA = (
    "a folder that holds one folder a class, or train/ and test/ of these, MVTec, DAGM, NEU, or a CSV file"
)


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = Parser(
        prog="trainer",
        description="Learn to tell OK parts from defective ones.",
        epilog=_EXAMPLES,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)
    _add_audit(_command(commands, "audit", "what is wrong with these photographs", _AUDIT_EXAMPLES))
    _add_train(_command(commands, "train", "learn from photographs", _TRAIN_EXAMPLES))
    _add_evaluate(_command(commands, "evaluate", "score a run on other photographs", _EVALUATE_EXAMPLES))
    return parser


def _command(commands: Any, name: str, purpose: str, examples: str) -> argparse.ArgumentParser:
    added: argparse.ArgumentParser = commands.add_parser(
        name,
        help=purpose,
        description=f"{purpose[0].upper()}{purpose[1:]}.",
        epilog=examples,
    )
    return added


def _add_audit(audit: argparse.ArgumentParser) -> None:
    audit.add_argument("data", type=Path, metavar="DATA", help=_DATA)
    audit.add_argument("--test", type=Path, metavar="DIR", help="photographs that you mean to test on")
    audit.add_argument(
        "--run", type=Path, metavar="RUN", help="a run that learned from them: which labels does it doubt?"
    )
    audit.add_argument("--report", type=_page, metavar="FILE.html", help="also write a page with the pairs")
    audit.add_argument("--threads", type=_whole(1, 256), default=os.cpu_count() or 1, help="default: all")
    audit.add_argument("--json", action="store_true", help="print one JSON document")


def _add_train(train: argparse.ArgumentParser) -> None:
    train.add_argument("data", type=Path, metavar="DATA", help=_DATA)
    train.add_argument("--out", type=Path, metavar="RUN", required=True, help="folder for the results")
    train.add_argument("--test", type=Path, metavar="DIR", help="other photographs, to score the result on")
    train.add_argument("--json", action="store_true", help="print one JSON document")
    _add_photographs(train.add_argument_group("photographs"))
    _add_model(train.add_argument_group("model"))
    _add_threshold(train.add_argument_group("threshold (default: the best balanced accuracy)"))
    _add_descent(train.add_argument_group("learning"))


def _add_photographs(group: Any) -> None:
    group.add_argument(
        "--task",
        choices=["auto", "binary", "classes", "anomaly"],
        default="auto",
        help="two classes, several, or OK parts alone (default: by the classes that there are)",
    )
    group.add_argument("--ok", metavar="CLASS", help="the class that means OK, where its name doesn't say so")
    group.add_argument(
        "--groups",
        metavar="GROUPS",
        default="copies",
        help="what never straddles a split: copies (found; the default), none, a CSV file of file and group, "
        "or a regular expression on file names",
    )
    group.add_argument(
        "--folds", type=_folds, default=0, metavar="K", help="cross-validate over K folds of parts"
    )
    group.add_argument(
        "--locate",
        choices=["propose", "none", "part", "ring"],
        default="propose",
        help="show the model a square round the part, or a round part as a strip; propose (the default): "
        "neither, but say whether it would help",
    )
    group.add_argument(
        "--size",
        type=_size,
        metavar="SIZE",
        help="pixels of what the model sees: 160 a side, 128x320 wide and high, or auto (the default): the "
        "shape of the photographs, as large as held-out parts ask for; 160 for models that learn whole",
    )
    group.add_argument(
        "--max-ms",
        type=_amount,
        metavar="MS",
        help="of one picture, in int8 on one thread of this machine; what takes longer is not tried",
    )


def _add_model(group: Any) -> None:
    group.add_argument(
        "--model",
        choices=NAMES,
        metavar="MODEL",
        default=AUTO,
        help="auto (the default): what learns on pretrained features, the strongest within --max-ms unless "
        "held-out parts prefer another, or scratch without weights; fast, accurate: the same on one "
        "backbone; small: on smaller pictures by fewer layers; from scratch: scratch, baseline; "
        f"fine-tuned: {', '.join(PRETRAINED)}; for OK parts alone: auto, {AUTOENCODER}",
    )
    group.add_argument(
        "--weights",
        metavar="WEIGHTS",
        default="auto",
        help="auto (Keras's cache, the network, LINEGATE_WEIGHTS, or none), imagenet, none, or an .h5 file",
    )


def _add_threshold(group: Any) -> None:
    group.add_argument(
        "--escape-cost", type=_amount, metavar="COST", help="of one defective part that passes"
    )
    group.add_argument("--overkill-cost", type=_amount, metavar="COST", help="of one good part rejected")
    group.add_argument(
        "--defect-rate", type=_share, metavar="SHARE", help="defective parts on the line: 0.5%%"
    )
    group.add_argument(
        "--max-escape-rate", type=_share, metavar="SHARE", help="of defective parts, proved or refused: 1%%"
    )
    group.add_argument(
        "--max-overkill-rate",
        type=_share,
        metavar="SHARE",
        help="of good parts held out, for --task anomaly (default: as many as make 1%% of many)",
    )


def _add_descent(group: Any) -> None:
    group.add_argument("--seed", type=_whole(0, 2**31 - 1), default=1, help="default: 1")
    group.add_argument(
        "--epochs", type=_whole(1, 10000), help="at most so many (default: 10 to 40, by the photographs)"
    )
    group.add_argument("--batch-size", type=_whole(2, 4096), default=32, help="default: 32")
    group.add_argument(
        "--augment",
        type=_kinds,
        metavar="KINDS",
        default=KINDS,
        help=f"random changes that leave the label as it is: all (the default), none, or some of "
        f"{','.join(KINDS)}; not for the default model",
    )
    group.add_argument("--tensorboard", action="store_true", help="write curves to RUN/tensorboard")


def _add_evaluate(evaluate: argparse.ArgumentParser) -> None:
    evaluate.add_argument("run", type=Path, metavar="RUN", help="what `trainer train` wrote")
    evaluate.add_argument("data", type=Path, metavar="DATA", help=_DATA)
    evaluate.add_argument(
        "--groups",
        metavar="GROUPS",
        default="copies",
        help="what counts as one part in the intervals: copies (found; the default), none, a CSV file, or a "
        "regular expression",
    )
    evaluate.add_argument("--report", type=_page, metavar="FILE.html", help="also write a page with pictures")
    evaluate.add_argument("--json", action="store_true", help="print one JSON document")


def _whole(low: int, high: int) -> Any:
    def parse(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text}: expected a whole number from {low} to {high}")
        return int(text)

    return parse


def _size(text: str) -> Size | None:
    if text == "auto":
        return None
    width, by, height = text.partition("x")
    sides = [int(side) if side.isdecimal() and len(side) <= 5 else 0 for side in (width, height or width)]
    if (by and not height) or not all(_LEAST_SIDE <= side <= _MOST_SIDE for side in sides):
        raise argparse.ArgumentTypeError(
            f"{text}: expected auto, pixels a side as 160, or width and height as 128x320, each from "
            f"{_LEAST_SIDE} to {_MOST_SIDE}"
        )
    return Size(*sides)


def _folds(text: str) -> int:
    return int(_whole(2, 100)(text))


def _page(text: str) -> Path:
    """Where a page is to be written; said before the work, not after."""
    path = Path(text)
    if path.is_dir() or not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"{text}: expected a file in a folder that exists")
    return path


def _amount(text: str) -> float:
    try:
        amount = float(text)
    except ValueError:
        amount = -1.0
    if not 0 < amount < 1e12:
        raise argparse.ArgumentTypeError(f"{text}: expected a positive number")
    return amount


def _share(text: str) -> float:
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 < share < 1:
        raise argparse.ArgumentTypeError(f"{text}: expected a share between 0 and 1, or between 0% and 100%")
    return share


def _kinds(text: str) -> tuple[str, ...]:
    if text in ("all", "none"):
        return KINDS if text == "all" else ()
    kinds = text.split(",")
    wrong = [kind for kind in kinds if kind not in KINDS]
    if wrong:
        raise argparse.ArgumentTypeError(f"{wrong[0]}: expected all, none, or some of {','.join(KINDS)}")
    return tuple(kind for kind in KINDS if kind in kinds)
