"""What was chosen by command, kept in a file over a restart."""

import logging
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from edge.files import sync_folder, write_whole
from edge.settings import DEFAULT_RECIPE

logger = logging.getLogger(__name__)
LARGEST_BYTES = 1_000_000


class Chosen(BaseModel):
    """A bundle of the allowed folder; the choice holds as long as ``instead_of`` is what the settings say."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    sha256: str
    instead_of: str


class Choice(BaseModel):
    """The recipe in service, and the bundle of each recipe for which one was activated."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    recipe: str = DEFAULT_RECIPE
    bundles: dict[str, Chosen] = {}


def choice_file(journal: Path) -> Path:
    """It lies beside the station's journal."""
    return journal.with_name(f"{journal.name}.choice.json")


def read_choice(file: Path) -> tuple[Choice, str | None]:
    """What was chosen, and what is wrong with the file: then nothing was."""
    try:
        with file.open("rb") as opened:
            return Choice.model_validate_json(opened.read(LARGEST_BYTES)), None
    except FileNotFoundError:
        return Choice(), None
    except (OSError, ValidationError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not what this Linegate writes"
        return Choice(), f"{file}: cannot be read ({reason}); the settings decide"


def write_choice(file: Path, choice: Choice) -> str | None:
    """Write it whole or not at all, and to the disk; returns why it could not be, or None."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, choice.model_dump_json(indent=1).encode())
        sync_folder(file.parent)
    except OSError as error:
        return f"{file}: cannot be written ({error.strerror}); a restart will not know of this"
    return None
