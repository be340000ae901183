"""A flag that a command line does not know is answered in one line."""

import pytest

from edge.core.arguments import Parser
from edge.core.errors import InputError


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("--camera.devce", r"--camera.devce 0; did you mean --camera.device\?; edge --help"),
        ("--xyz", "--xyz 0; edge --help"),
    ],
)
def test_the_flag_that_is_written_most_like_it_is_named(flag: str, said: str) -> None:
    parser = Parser(prog="edge")
    parser.add_argument("--camera.device")
    with pytest.raises(InputError, match=said):
        parser.parse_args([flag, "0"])
