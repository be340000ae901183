"""Every command says by examples how it is used, and takes them."""

import re
import shlex

import pytest

from edge.__main__ import build_parser as edge_parser
from quantize.__main__ import build_parser as quantize_parser
from quantize.__main__ import main as quantize
from trainer.__main__ import main as trainer
from trainer.arguments import build_parser as trainer_parser

PARTS_OF_QUANTIZE = ["inspect", "wrap", "bench", "make-key", "sign"]


def examples(command: str, text: str | None) -> list[list[str]]:
    """The words of each example; what is said of it stands behind two blanks or more."""
    lines = (text or "").partition("examples:\n")[2].splitlines()
    found = [re.split(" {2,}", line.strip())[0] for line in lines if line.startswith(f"  {command} ")]
    assert found
    return [shlex.split(example) for example in found]


@pytest.mark.parametrize("part", PARTS_OF_QUANTIZE)
def test_each_part_of_quantize_shows_examples(part: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        quantize([part, "--help"])
    assert examples(f"quantize {part}", capsys.readouterr().out)


@pytest.mark.parametrize("part", ["audit", "train", "evaluate"])
def test_trainer_takes_its_examples(part: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        trainer([part, "--help"])
    for words in examples(f"trainer {part}", capsys.readouterr().out):
        trainer_parser().parse_args(words[1:])


def test_edge_and_quantize_take_their_examples() -> None:
    for words in examples("edge", edge_parser().epilog):
        edge_parser().parse_args(words[1:])
    for words in examples("quantize", quantize_parser().epilog):
        if words[1] not in PARTS_OF_QUANTIZE:
            quantize_parser().parse_args(words[1:])
