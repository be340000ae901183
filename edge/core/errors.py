"""Every error that Linegate raises on purpose.

LinegateError                 one sentence for a person: what is wrong, where, and what was expected
├── SettingsError             a setting has a wrong name or value; the program does not start
├── InputError                a folder, a data set or a run cannot be used as it is
│   └── ImageError            one image cannot be used; the others go on
├── OutOfMemoryError          memory does not suffice: the command fails, and leaves nothing out instead
├── BundleError               a .tflite file is not a bundle that may decide on this device
├── CameraError               the camera gives no valid frame now; it may come back
├── RequestError              a message from the network is not taken; its sender may be told
├── BrokerError               the broker cannot be used now; it may come back
├── JournalError              the journal cannot be written or read
└── ReviewError               a review is not taken, or the file of reviews cannot be used
"""


class LinegateError(Exception):
    """Base of all; ``str(error)`` is one line that can be shown to a user as it is, whatever it names."""

    def __str__(self) -> str:
        return one_line(super().__str__())


class SettingsError(LinegateError):
    """A setting has a wrong name or value."""


class InputError(LinegateError):
    """A folder, a data set or a run cannot be used as it is."""


class ImageError(InputError):
    """One image cannot be used."""


class OutOfMemoryError(LinegateError):
    """Memory does not suffice."""


class BundleError(LinegateError):
    """A .tflite file is not a bundle that may decide on this device."""


class CameraError(LinegateError):
    """The camera gives no valid frame now; opening it again may help."""


class RequestError(LinegateError):
    """A message from the network is not taken."""


class BrokerError(LinegateError):
    """The broker cannot be used now; connecting again may help."""


class JournalError(LinegateError):
    """The journal cannot be written or read."""


class ReviewError(LinegateError):
    """A review is not taken, or the file of reviews cannot be used."""


def one_line(text: str) -> str:
    """The text with what cannot be printed spelled out; see edge.core.foreign_text for where it is shown."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
