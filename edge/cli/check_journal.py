"""Check that a journal's waiting verdicts are this station's: for `edge --check`, and for the installer.

`systemd/install` tries settings with `edge --check` as a user of its own, which may not read the journal, and
asks `python -m edge.cli.check_journal FILE` beside it.
"""

import sys
from pathlib import Path

from edge.core.command import run_command
from edge.core.errors import JournalError
from edge.records.journal_file import ForeignJournalError, count_waiting, reading, whose_is_next
from edge.settings.load_settings import load_settings
from edge.settings.settings import Settings


def try_journal(settings: Settings) -> int:
    """The number of verdicts that wait for the broker; raises JournalError if they are another station's."""
    path = Path(settings.journal.path)
    with reading(path) as database:
        waiting, theirs = count_waiting(database), whose_is_next(database)
    if theirs not in (None, settings.station.name):
        raise ForeignJournalError(path, theirs, settings.station.name)
    return waiting


def _main() -> int:
    settings = load_settings(Path(sys.argv[1]), {})
    try:
        try_journal(settings)
    except ForeignJournalError:
        raise
    except JournalError:
        pass  # a station makes it, or makes it newer, or sets it aside
    return 0


if __name__ == "__main__":
    sys.exit(run_command("edge", _main))
