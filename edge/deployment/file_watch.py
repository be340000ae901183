"""A file that somebody replaces: noticed by what the file system says of it, once it keeps still."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Look:
    """What tells one content of a file from the next without reading it."""

    inode: int
    size: int
    changed_ns: int


def look_at(path: Path) -> Look | None:
    """How the file looks now; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return Look(status.st_ino, status.st_size, status.st_mtime_ns)


class Replaced:
    """Tells of each new content once, when two looks in a row are alike: a copy may take its time."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._known: Look | None = None
        self._last: Look | None = None

    def follow(self, path: Path, look: Look | None) -> None:
        """From now on this file, which is known as it looks now."""
        self._path, self._known, self._last = path, look, look

    def is_new(self, path: Path, look: Look | None) -> bool:
        """Whether the file has a new content that keeps still; a file that is away is not new."""
        if path != self._path:
            self.follow(path, look)
            return False
        keeps_still, self._last = look == self._last, look
        if look is None or look == self._known or not keeps_still:
            return False
        self._known = look
        return True
