"""The `quantize` command."""

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

from edge.core.arguments import Parser
from edge.core.command import read_names_as_utf8, run_command, say, show
from edge.core.errors import InputError

if TYPE_CHECKING:
    from quantize.quantize import Quantized, Successor

EXAMPLES = """\
examples:
  quantize runs/monday                            writes runs/monday/model.tflite
  quantize runs/monday --out /srv/part-7.tflite
  quantize runs/tuesday --against part.tflite --on reviewed/test
                                                  refused where more defects may pass than by the old one
  quantize wrap model.tflite --labels labels.txt --golden photographs --scale -1..1
                                                  a bundle of another tool's model
  quantize inspect /srv/part-7.tflite             what a bundle says of itself
  quantize inspect /srv/part-7.tflite --card part-7.md    and a model card in Markdown
  quantize make-key line.key                      a key to sign with; prints its public half
  quantize sign /srv/part-7.tflite --key line.key
  quantize bench /srv/part-7.tflite               how long it takes on this machine

exit status: 0 done; 1 refused: int8 decides otherwise than float, or more pass than by the old bundle;
             2 wrong usage or input
"""


_INSPECT_EXAMPLES = """\
examples:
  quantize inspect part.tflite
  quantize inspect part.tflite --json                     the manifest, for programs
  quantize inspect part.tflite --card part.md             a model card in Markdown
"""
_WRAP_EXAMPLES = """\
What isn't given is told by the model or by the names; where it can't be, it is asked for.

examples:
  quantize wrap model.tflite --labels labels.txt --golden photographs
  quantize wrap model.tflite --labels good,scratched --golden photographs --scale -1..1 --ok good
"""
_BENCH_EXAMPLES = """\
examples:
  quantize bench part.tflite
  quantize bench part.tflite --threads 2 --runs 5000 --json
"""
_MAKE_KEY_EXAMPLES = """\
examples:
  quantize make-key line.key
"""
_SIGN_EXAMPLES = """\
examples:
  quantize sign part.tflite --key line.key
  quantize sign part.tflite --key line.key --out signed.tflite
"""


def build_parser() -> argparse.ArgumentParser:
    """The command line without `inspect`, which has a parser of its own."""
    parser = Parser(
        prog="quantize",
        description="Make one int8 bundle of a trained run, compare it with float, and write it or refuse.",
        epilog=EXAMPLES,
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="what `trainer train` wrote")
    parser.add_argument("--out", type=Path, metavar="FILE", help="default: RUN/model.tflite")
    parser.add_argument("--data", type=Path, metavar="DIR", help="where the photographs of the run are now")
    parser.add_argument("--samples", type=_count, default=1000, help="images to calibrate on (default: 1000)")
    parser.add_argument("--seed", type=_count, default=1, help="default: 1")
    parser.add_argument(
        "--allow-flips", type=_count, default=0, metavar="N", help="accept that int8 changes N decisions"
    )
    parser.add_argument(
        "--allow-escapes",
        type=_count,
        default=0,
        metavar="N",
        help="accept that int8 passes N defects that float rejected",
    )
    parser.add_argument("--against", type=Path, metavar="OLD.tflite", help="the bundle to replace; with --on")
    parser.add_argument(
        "--on", type=Path, metavar="DIR", help="photographs that neither learned from, to compare the two on"
    )
    parser.add_argument(
        "--max-escape-rise",
        type=_share,
        default=None,
        metavar="X",
        help="with --against: refused where so much more of the defective parts may pass (default: 0.05)",
    )
    parser.add_argument(
        "--no-heatmap",
        dest="has_heatmap",
        action="store_false",
        help="leave out the second output, which shows where the defect is",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


def build_parsers() -> dict[str, argparse.ArgumentParser]:
    """The parsers of all commands, by the words that they begin with."""
    parts = (_inspect_parser(), _wrap_parser(), _bench_parser(), _make_key_parser(), _sign_parser())
    return {parser.prog: parser for parser in (build_parser(), *parts)}


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    if argv is None:
        read_names_as_utf8()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # 3: what ends the run alone
    words = sys.argv[1:] if argv is None else argv
    return run_command(
        "quantize", lambda: _command(words), interrupted=lambda: "interrupted; nothing was written"
    )


def _command(words: list[str]) -> int:
    if words[:1] and words[0] in _COMMANDS:
        return _COMMANDS[words[0]](words[1:])
    return _quantize(build_parser().parse_args(words))


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text}: expected a whole number")
    return int(text)


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text}: expected a share from 0 to 1")
    return value


def _successor(arguments: argparse.Namespace) -> "Successor | None":
    from edge.core.runtime import load_model
    from quantize.against import MARGIN
    from quantize.quantize import Successor

    if (arguments.against is None) != (arguments.on is None):
        raise InputError("--against, --on: expected both, or neither")
    if arguments.against is None:
        if arguments.max_escape_rise is not None:
            raise InputError("--max-escape-rise: goes with --against")
        return None
    margin = MARGIN if arguments.max_escape_rise is None else arguments.max_escape_rise
    return Successor(load_model(arguments.against), arguments.on, margin)


def _quantize(arguments: argparse.Namespace) -> int:
    from quantize.acceptance import Allowed
    from quantize.quantize import quantize

    out = arguments.out or arguments.run / "model.tflite"
    result = quantize(
        arguments.run,
        out,
        samples=max(1, arguments.samples),
        seed=arguments.seed,
        data=arguments.data,
        allowed=Allowed(arguments.allow_flips, arguments.allow_escapes),
        has_heatmap=arguments.has_heatmap,
        successor=_successor(arguments),
    )
    if arguments.json:
        show(json.dumps(_document(result, out)))
    else:
        show(_report(result, out))
    if result.refusal is not None:
        say(f"quantize: refused, nothing written: {result.refusal}")
        return 1
    return 0


def _document(result: "Quantized", out: Path) -> dict[str, Any]:
    comparison = result.comparison
    return {
        "file": str(out) if result.refusal is None else None,
        "model": result.bundle_sha256,
        "bytes": result.size,
        "refusal": result.refusal,
        "files": result.files.model_dump(),
        "float32": comparison.float32.model_dump(),
        "int8": comparison.int8.model_dump(),
        "thresholds": comparison.thresholds.model_dump(),
        "rederived": None if comparison.rederived is None else comparison.rederived.model_dump(),
        "flips": [asdict(flip) for flip in comparison.flips],
        "largest_score_shift": comparison.largest_shift,
        "mean_score_shift": comparison.mean_shift,
        "against": None if result.against is None else result.against.document(),
        "operators": result.operators.model_dump(),
        "layers": [asdict(layer) for layer in result.layers],
    }


def _report(result: "Quantized", out: Path) -> str:
    from quantize.describe import metrics_line, operators_line, rederived_lines

    comparison = result.comparison
    lines = [
        metrics_line("float", comparison.float32),
        metrics_line("int8", comparison.int8),
        f"{len(comparison.flips)} decisions changed; score shift: largest {comparison.largest_shift:.4f}, "
        f"mean {comparison.mean_shift:.5f}",
    ]
    lines += [
        f"  {flip.file} ({flip.label}): float {flip.float_decides} {flip.float_score:.4f}, "
        f"int8 {flip.int8_decides} {flip.int8_score:.4f}"
        for flip in comparison.flips
    ]
    lines += rederived_lines(comparison.rederived)
    lines += [
        f"  after {layer.layer} int8 is off by {layer.error:.0%} of what float varies by, before it by "
        f"{layer.before:.0%}"
        for layer in result.layers
    ]
    if result.against is not None:
        lines += result.against.lines()
    lines.append(operators_line(result.operators))
    if result.refusal is None:
        lines.append(f"{out}: {result.size / 1000:.0f} kB, model {result.bundle_sha256[:12]}")
    lines.append(f"{result.files} (calibrated on, or compared)")
    return "\n".join(lines)


def _inspect(words: list[str]) -> int:
    from edge.core.bundle.bundle import read_bundle, write_bundle
    from edge.core.runtime import try_bundle
    from quantize.card import model_card
    from quantize.describe import describe

    arguments = _inspect_parser().parse_args(words)
    bundle = read_bundle(arguments.file)
    try_bundle(bundle, name=str(arguments.file))
    if arguments.card is not None:
        write_bundle(arguments.card, model_card(bundle).encode())
    if arguments.json:
        show(
            json.dumps(
                {"model": bundle.sha256, "signed_by": bundle.signed_by, **bundle.manifest.model_dump()}
            )
        )
    else:
        show(describe(arguments.file, bundle))
    return 0


def _inspect_parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="quantize inspect", description="What a bundle says of itself.", epilog=_INSPECT_EXAMPLES
    )
    parser.add_argument("file", type=Path, metavar="FILE.tflite")
    parser.add_argument("--json", action="store_true", help="print the manifest as JSON")
    parser.add_argument("--card", type=Path, metavar="CARD.md", help="write a model card")
    return parser


def _wrap(words: list[str]) -> int:
    from quantize.describe import describe
    from quantize.external_model import read_scaling
    from quantize.wrap import wrap

    arguments = _wrap_parser().parse_args(_joined(words, "--scale"))
    out = arguments.out or arguments.file.with_name(f"{arguments.file.stem}-bundle.tflite")
    made = wrap(
        arguments.file,
        out,
        labels=arguments.labels,
        golden=arguments.golden,
        ok_class=arguments.ok,
        scaling=None if arguments.scale is None else read_scaling(arguments.scale),
        values=arguments.output,
    )
    bundle = made.bundle
    if arguments.json:
        document = {"file": str(out), "model": bundle.sha256, "files": made.census.model_dump()}
        show(json.dumps({**document, **bundle.manifest.model_dump()}))
    else:
        show(f"{describe(out, bundle)}\nimages laid out as {made.layout}\n{made.census}")
    if bundle.manifest.ok_class is None:
        say("quantize: no label means OK, so no part will pass; --ok names one")
    return 0


def _joined(words: list[str], flag: str) -> list[str]:
    """The same words with the value of ``flag`` behind an =, so that -1..1 is not taken for a flag."""
    if flag not in words[:-1]:
        return words
    place = words.index(flag)
    return [*words[:place], f"{flag}={words[place + 1]}", *words[place + 2 :]]


def _wrap_parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="quantize wrap",
        description="Make a bundle of an image classifier that another tool made.",
        epilog=_WRAP_EXAMPLES,
    )
    parser.add_argument("file", type=Path, metavar="MODEL.tflite")
    parser.add_argument(
        "--labels", required=True, metavar="FILE|A,B,C", help="in the order of the outputs, one a line"
    )
    parser.add_argument(
        "--golden", type=Path, required=True, metavar="DIR", help="photographs, in folders by label or not"
    )
    parser.add_argument("--ok", metavar="NAME", help="the label that means OK")
    parser.add_argument(
        "--scale", metavar="SCALE", help="what the model takes for pixels: 0..1, -1..1, 0..255 or MEAN,STD"
    )
    parser.add_argument("--output", choices=["probabilities", "logits"], help="what the model gives")
    parser.add_argument("--out", type=Path, metavar="FILE", help="default: MODEL-bundle.tflite")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


def _bench(words: list[str]) -> int:
    from quantize.bench import bench, bench_table

    arguments = _bench_parser().parse_args(words)
    threads = arguments.threads or min(os.cpu_count() or 1, 4)
    result = bench(arguments.file, runs=max(1, arguments.runs), threads=threads)
    show(json.dumps(asdict(result)) if arguments.json else bench_table(result))
    return 0


def _bench_parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="quantize bench", description="How long a graph takes on this machine.", epilog=_BENCH_EXAMPLES
    )
    parser.add_argument("file", type=Path, metavar="FILE.tflite", help="a bundle, or any TFLite file")
    parser.add_argument("--threads", type=_count, metavar="N", help="on 1 to N (default: all, at most 4)")
    parser.add_argument("--runs", type=_count, default=1000, help="runs to time (default: 1000)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


def _make_key(words: list[str]) -> int:
    from quantize.sign import make_key

    show(make_key(_make_key_parser().parse_args(words).file))
    return 0


def _make_key_parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="quantize make-key",
        description="Make a key to sign bundles with. Its public half is printed, for model.trusted_keys.",
        epilog=_MAKE_KEY_EXAMPLES,
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the private key; keep it off the devices")
    return parser


def _sign(words: list[str]) -> int:
    from quantize.sign import sign_file

    arguments = _sign_parser().parse_args(words)
    out = arguments.out or arguments.file
    bundle = sign_file(arguments.file, arguments.key, out)
    show(f"{out}: signed by {bundle.signed_by}, model {bundle.sha256}")
    return 0


def _sign_parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="quantize sign",
        description="Sign a bundle, in place of any other signature.",
        epilog=_SIGN_EXAMPLES,
    )
    parser.add_argument("file", type=Path, metavar="FILE.tflite")
    parser.add_argument("--key", type=Path, required=True, metavar="KEY", help="what make-key wrote")
    parser.add_argument("--out", type=Path, metavar="FILE", help="default: the same file")
    return parser


_COMMANDS = {"inspect": _inspect, "wrap": _wrap, "bench": _bench, "make-key": _make_key, "sign": _sign}


if __name__ == "__main__":
    sys.exit(main())
