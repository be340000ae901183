"""The topics that a station listens to over MQTT."""

from edge.core.errors import SettingsError
from edge.settings.settings import Settings

NEEDS_BROKER = (
    "mqtt.enabled: false, but trigger.kind, gate.belt, gate.confirm_ms or mqtt.lots needs messages; "
    "expected true"
)


def incoming_kinds(settings: Settings) -> list[str]:
    """The kinds of messages that the settings ask for; commands always are."""
    gate = settings.gate
    wanted = {
        "command": True,
        "trigger": settings.trigger.kind == "message",
        "belt": gate.belt == "message",
        "encoder": gate.belt == "encoder" and settings.pins.encoder is None,
        "bin": gate.confirm_ms > 0 and settings.pins.bin is None,
        "lot": settings.mqtt.lots,
    }
    return [kind for kind, is_wanted in wanted.items() if is_wanted]


def needs_messages(settings: Settings) -> bool:
    """True if the line cannot do without messages."""
    return len(incoming_kinds(settings)) > 1


def refuse_without_broker(settings: Settings) -> None:
    """Raise SettingsError where the line cannot do without messages, and there is to be no broker."""
    if not settings.mqtt.enabled and needs_messages(settings):
        raise SettingsError(NEEDS_BROKER)
