"""A file that somebody replaces: noticed by what the file system says of it, once it keeps still."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class FileStamp:
    """Marks that tell one content of a file from the next without reading it."""

    inode: int
    size: int
    changed_ns: int


def stamp_of(path: Path) -> FileStamp | None:
    """The present stamp of the file; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return FileStamp(status.st_ino, status.st_size, status.st_mtime_ns)


class FileWatch:
    """Tells of each new content once, when two looks in a row are alike: a copy may take its time."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._known: FileStamp | None = None
        self._last: FileStamp | None = None

    def follow(self, path: Path, stamp: FileStamp | None) -> None:
        """From now on this file, which is known as it looks now."""
        self._path, self._known, self._last = path, stamp, stamp

    def is_new(self, path: Path, stamp: FileStamp | None) -> bool:
        """True if the file has a new content that keeps still; a file that is away is not new."""
        if path != self._path:
            self.follow(path, stamp)
            return False
        keeps_still, self._last = stamp == self._last, stamp
        if stamp is None or stamp == self._known or not keeps_still:
            return False
        self._known = stamp
        return True
