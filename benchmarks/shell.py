"""`make commands`: man pages and completions of all three programs, made from their parsers."""

import argparse
from pathlib import Path

import shtab
from argparse_manpage.manpage import Manpage

from benchmarks.commands import DOCUMENT
from edge.__main__ import build_parser as edge_parser
from edge.core.versions import versions
from quantize.__main__ import build_parsers as quantize_parsers
from trainer.arguments import build_parser as trainer_parser

MAN, COMPLETION = DOCUMENT.parent / "man", DOCUMENT.parent / "completion"
_COMPLETIONS = {"bash": "{}.bash", "zsh": "_{}"}


def programs() -> dict[str, argparse.ArgumentParser]:
    """Each program with one parser for all its parts."""
    return {"edge": edge_parser(), "trainer": trainer_parser(), "quantize": _quantize()}


def _quantize() -> argparse.ArgumentParser:
    """Its parts have parsers of their own, as `quantize RUN` has no word for itself."""
    parts = quantize_parsers()
    alone = parts.pop("quantize")
    parser = argparse.ArgumentParser(
        prog="quantize",
        usage="quantize [OPTION ...] RUN, or quantize PART ...",
        parents=[alone],
        add_help=False,
        description=alone.description,
        epilog=alone.epilog,
    )
    listed = parser.add_subparsers(metavar="PART")
    for name, part in parts.items():
        about = part.description
        word = name.partition(" ")[2]
        listed.add_parser(word, prog=name, parents=[part], add_help=False, description=about, help=about)
    return parser


def papers() -> dict[Path, str]:
    """Every generated file with its text."""
    found = {}
    for name, parser in programs().items():
        found[MAN / f"{name}.1"] = man_page(name, parser)
        for shell, file in _COMPLETIONS.items():
            found[COMPLETION / file.format(name)] = shtab.complete(parser, shell)
    return found


def man_page(name: str, parser: argparse.ArgumentParser) -> str:
    """A page of section 1, without the date of its making."""
    _, _, rest = str(Manpage(parser)).partition(".SH SYNOPSIS")
    head = f'.TH {name.upper()} 1 "" "linegate {versions()["linegate"]}" "Linegate"'
    about = (parser.description or "").strip().rstrip(".")
    rest = rest.rstrip().replace(".SH COMMENTS\n", ".SH EXAMPLES\n.nf\n")
    return "\n".join([head, ".SH NAME", f"{name} \\- {about}", f".SH SYNOPSIS{rest}", ""])


def main() -> None:
    """Write them."""
    for path, text in papers().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
