"""`edge page`: the operator's page, a process of its own."""

from edge.core.command import show
from edge.core.errors import SettingsError
from edge.service.notify import Notifier
from edge.settings.settings import Settings


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
