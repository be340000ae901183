"""Create the trigger that the settings select."""

from edge.settings.settings import Settings
from edge.trigger.external import ExternalTrigger
from edge.trigger.free_run import FreeRun
from edge.trigger.line_crossing import LineCrossing
from edge.trigger.trigger import Observer, P, Trigger


def choose_trigger(settings: Settings, observer: Observer[P]) -> Trigger[P]:
    """Return the trigger of ``settings``; it reports to ``observer``."""
    trigger = settings.trigger
    if trigger.kind == "free-run":
        return FreeRun(observer, half_gap_s=settings.gate.min_gap_ms / 2000)
    if trigger.kind == "line-crossing":
        return LineCrossing(observer, trigger)
    return ExternalTrigger(
        observer,
        delay_s=trigger.delay_ms / 1000,
        timeout_s=trigger.timeout_ms / 1000,
        frames=trigger.frames,
    )
