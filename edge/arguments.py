"""What the command lines of all three programs have in common."""

import argparse
from typing import Any

from edge.errors import InputError


class Parser(argparse.ArgumentParser):
    """Shows examples as they are written, and raises InputError, one line, for what it can't take."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"formatter_class": argparse.RawDescriptionHelpFormatter, **options})

    def error(self, message: str) -> Any:
        """Raise instead of leaving the program."""
        raise InputError(f"{message}; {self.prog} --help shows what is right")
