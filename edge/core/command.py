"""The frame around every program: UTF-8 in any locale, and one line for an error."""

import io
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import current_thread, main_thread
from types import FrameType

from edge.core.errors import LinegateError
from edge.core.foreign_text import one_line, shown
from edge.core.native_stderr import readers_stderr

EXIT_NO = 1
EXIT_WRONG = 2
EXIT_INTERRUPTED = 130  # as shells have it: 128 and the signal's number
_IMPORTING = "<frozen importlib"
_SHORT_OF_MEMORY = ("failed to map segment", "annot allocate memory", "can't start new thread")


def say(text: str) -> None:
    """One line to standard error, if that can be written."""
    with suppress(OSError, ValueError):
        sys.stderr.write(f"{one_line(text)}\n")
        sys.stderr.flush()


def show(text: str) -> None:
    """Lines for people to standard output; what cannot be printed in them is spelled out."""
    sys.stdout.write(f"{shown(text)}\n")


def run_command(
    name: str,
    work: Callable[[], int],
    *,
    tell: Callable[[str], None] = say,
    interrupted: Callable[[], str] = lambda: "interrupted",
) -> int:
    """The exit status of a program called ``name`` that does ``work``; what it printed is written by then.

    ``tell`` says what is wrong with usage or input; ``interrupted`` what an interrupt means, in words.
    """
    _open_standard_files()
    _write_utf8()
    with _interrupts(lambda: f"{name}: {interrupted()}\n"):
        try:
            status = work()
            sys.stdout.flush()
        except LinegateError as error:
            tell(f"{name}: {error}")
            return EXIT_WRONG
        except KeyboardInterrupt:
            say(f"{name}: {interrupted()}")
            return EXIT_INTERRUPTED
        except (MemoryError, ImportError, RuntimeError) as error:
            if not _is_short_of_memory(error):
                raise
            tell(f"{name}: memory does not suffice")
            return EXIT_WRONG
        except BrokenPipeError:
            _drop_output()  # the reader of a pipe has seen enough
            return EXIT_NO
        except OSError as error:
            _drop_output()
            what = os.fsdecode(error.filename) if error.filename is not None else "standard output"
            tell(f"{name}: {what}: cannot be used ({error.strerror or error})")
            return EXIT_WRONG
    return status


def _is_short_of_memory(error: Exception) -> bool:
    """Also what the dynamic linker and the threads make of it."""
    return isinstance(error, MemoryError) or any(words in str(error) for words in _SHORT_OF_MEMORY)


@contextmanager
def _interrupts(text: Callable[[], str]) -> Iterator[None]:
    """An interrupt in the midst of an import ends the process at once, with ``text``: nothing has begun.

    Native libraries make a crash or another error of it. Later it is a KeyboardInterrupt.
    """

    def came(_number: int, frame: FrameType | None) -> None:
        while frame is not None:
            if frame.f_code.co_filename.startswith(_IMPORTING):
                os.write(readers_stderr(), text().encode("utf-8", "replace"))
                os._exit(EXIT_INTERRUPTED)
            frame = frame.f_back
        raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGINT)
    if before not in (signal.SIG_DFL, signal.default_int_handler) or current_thread() is not main_thread():
        yield
        return
    signal.signal(signal.SIGINT, came)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def read_names_as_utf8() -> None:
    """Begin again in Python's UTF-8 mode where the locale has another encoding; else do nothing.

    Names of files are bytes: what they say, and so the classes of a bundle, must not depend on the locale.
    """
    if sys.getfilesystemencoding() != "utf-8" and not sys.flags.utf8_mode:
        os.environ["PYTHONUTF8"] = "1"
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606


def _open_standard_files() -> None:
    """Who starts us may have closed them: else the next file of ours would get what is said to people."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
    sys.stdin = sys.stdin or open(0, closefd=False)  # noqa: SIM115
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115


def _write_utf8() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def _drop_output() -> None:
    """Python flushes once more at its end, and would say that it can't."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
