"""Names that mean the same though they are spelled otherwise: Unicode's two normal forms, and case.

macOS writes ö as o and two dots, Linux and Windows as one letter; Windows and macOS find ``Photo.JPG`` as
``photo.jpg``.
"""

import unicodedata
from pathlib import Path


def composed(name: str) -> str:
    """The name in Unicode's normal form C (UAX 15), in which labels are kept and shown."""
    return unicodedata.normalize("NFC", name)


def key(name: str) -> str:
    """The same for all spellings of a name: by normal form, case, and blanks at its ends."""
    return composed(composed(name).strip().casefold())


def plain(name: str) -> str:
    """The key with ``_`` for what people put between words: hyphens and blanks."""
    return key(name).replace("-", "_").replace(" ", "_")


def find_file(folder: Path, name: str) -> Path:
    """The file of that name below ``folder``, however it is spelled on the disk.

    As it is written where that is there, and where nothing is; else with the other slashes, then by the one
    entry of each folder on the way whose key is the same.
    """
    written = folder / name
    if written.exists():
        return written
    turned = folder / name.replace("\\", "/")
    if turned.exists():
        return turned
    found = folder
    for part in turned.relative_to(folder).parts if turned.is_relative_to(folder) else ():
        exact = found / part
        if not exact.exists():
            try:
                twins = [path for path in found.iterdir() if key(path.name) == key(part)]
            except OSError:
                return written
            if len(twins) != 1:
                return written
            exact = twins[0]
        found = exact
    return found if found.is_file() else written
