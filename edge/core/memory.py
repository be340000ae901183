"""Too little memory is a failure of the whole command, whichever library runs out of it."""

from collections.abc import Iterator
from contextlib import contextmanager

import cv2

from edge.core.errors import OutOfMemoryError


@contextmanager
def memory_for(what: str) -> Iterator[None]:
    """Raise OutOfMemoryError, which names ``what``, where memory doesn't suffice for it."""
    try:
        yield
    except MemoryError as error:
        raise OutOfMemoryError(_in_words(what)) from error
    except cv2.error as error:
        if error.code != cv2.Error.StsNoMem:
            raise
        raise OutOfMemoryError(_in_words(what)) from error


def _in_words(what: str) -> str:
    return f"{what}: memory does not suffice to read it; nothing was left out, and the command ends here"
