"""The choice by command, kept in a file over a restart."""

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from edge.core.files import sync_folder, write_whole
from edge.settings.recipe import DEFAULT_RECIPE

LARGEST_BYTES = 1_000_000


class SelectedBundle(BaseModel):
    """A bundle of the allowed folder; it is selected as long as ``instead_of`` is what the settings say."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    sha256: str
    instead_of: str


class Selection(BaseModel):
    """The recipe in service, and the bundle of each recipe for which one was activated."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    recipe: str = DEFAULT_RECIPE
    bundles: dict[str, SelectedBundle] = {}


class PersistedSelection(Selection):
    """The selection as it stands in the file.

    ``last_good`` is there while the selection is on trial: what a start goes back to that finds it, because
    the process ended before the trial did.
    """

    last_good: Selection | None = None

    @classmethod
    def of(cls, selection: Selection, *, last_good: Selection | None = None) -> Self:
        """A selection, on trial where there is a last good one."""
        return cls(recipe=selection.recipe, bundles=selection.bundles, last_good=last_good)

    @property
    def decides(self) -> Selection:
        """By what a start goes."""
        return self.last_good or Selection(recipe=self.recipe, bundles=self.bundles)

    @property
    def has_a_way_back(self) -> bool:
        """True if the last good selection is another one; else what is on trial is a file or settings."""
        return self.last_good is not None and (self.last_good.recipe, self.last_good.bundles) != (
            self.recipe,
            self.bundles,
        )


def selection_file(journal: Path) -> Path:
    """It lies beside the station's journal."""
    return journal.with_name(f"{journal.name}.choice.json")


def read_selection(file: Path) -> tuple[PersistedSelection, str | None]:
    """The choice, and the trouble with the file: then nothing was chosen."""
    try:
        with file.open("rb") as opened:
            return PersistedSelection.model_validate_json(opened.read(LARGEST_BYTES)), None
    except FileNotFoundError:
        return PersistedSelection(), None
    except (OSError, ValidationError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not what this Linegate writes"
        return PersistedSelection(), f"{file}: cannot be read ({reason}); the settings decide"


def write_selection(file: Path, persisted: PersistedSelection) -> str | None:
    """Write it whole or not at all, and to the disk; returns why it could not be, or None.

    Without a trial it is what earlier versions read.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, persisted.model_dump_json(indent=1, exclude_none=True).encode())
        sync_folder(file.parent)
    except OSError as error:
        return f"{file}: cannot be written ({error.strerror}); a restart will not know of this"
    return None
