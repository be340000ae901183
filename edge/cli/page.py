"""`edge page`: the operator's page, a process of its own."""

import getpass
import sys

from edge.core.command import show
from edge.core.errors import SettingsError
from edge.service.notify import Notifier
from edge.settings.settings import Settings


def add_user(name: str, role: str) -> int:
    """Ask for a password, and print the line of `page.users` for this person. Raises SettingsError."""
    from edge.page.login import user_line

    if sys.stdin.isatty():
        password = getpass.getpass("password: ")
        if getpass.getpass("once more: ") != password:
            raise SettingsError("--add-user: the passwords differ")
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    show(user_line(name, role, password))
    return 0


def serve_page(settings: Settings) -> int:
    """Serve the page until a signal comes; returns the exit status. Raises SettingsError."""
    try:
        from edge.page.serve import serve
    except ImportError as error:
        raise SettingsError("page: needs its extra: pip install 'linegate[page]'") from error
    notifier = Notifier()

    def ready(address: str) -> None:
        show(f"page of station {settings.station.name}: {address}")
        notifier.ready()
        notifier.status(address)

    serve(settings, when_ready=ready)
    return 0
