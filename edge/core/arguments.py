"""The command line's part that all three programs have in common."""

import argparse
import difflib
import sys
from typing import Any

from edge.core.errors import InputError


class Parser(argparse.ArgumentParser):
    """Shows examples as they are written, and raises InputError, one line, for what it can't take."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"formatter_class": argparse.RawDescriptionHelpFormatter, **options})

    def error(self, message: str) -> Any:
        """Raise instead of leaving the program."""
        raise InputError(f"{message}{self._meant(message)}; {self.prog} --help shows what is right")

    def _print_message(self, message: str, file: Any = None) -> None:
        """As argparse does, but for a full disk, which it hides."""
        if message:
            output = file or sys.stdout
            output.write(message)
            output.flush()

    def _meant(self, message: str) -> str:
        """Of a flag that is not known, the one that is written most like it."""
        flags = [word.partition("=")[0] for word in message.split() if word.startswith("--")]
        if not message.startswith("unrecognized arguments: ") or not flags:
            return ""
        known = [name for action in self._actions for name in action.option_strings]
        near = difflib.get_close_matches(flags[0], known, n=1)
        return f"; did you mean {near[0]}?" if near else ""
