"""The way to a broker: the client, its certificates, and the reason where it cannot be reached."""

import socket
import ssl
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.core.errors import BrokerError
from edge.outputs.mqtt.connection import MOST_UNACKNOWLEDGED, Protocol
from edge.outputs.mqtt.guarded import LARGEST_PACKET, GuardedClient
from edge.settings.mqtt import MqttSettings

NO_ANSWER = "no answer"


def new_client(
    settings: MqttSettings, client_id: str, protocol: Protocol, on_unreadable: Callable[[str, str], None]
) -> GuardedClient:
    """A client that can log in; raises BrokerError where a certificate cannot be used."""
    client = GuardedClient(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        protocol=MQTTProtocolVersion.MQTTv5 if protocol == "5" else MQTTProtocolVersion.MQTTv311,
        reconnect_on_failure=False,
        on_unreadable=on_unreadable,
    )
    if settings.username:
        client.username_pw_set(settings.username, settings.password.get_secret_value())
    if settings.encrypted:
        client.tls_set_context(_tls_context(settings))
    # Beyond it paho would keep messages back, to send commands when they are late.
    client.max_inflight_messages_set(MOST_UNACKNOWLEDGED)
    client.max_queued_messages_set(MOST_UNACKNOWLEDGED)
    client.on_socket_open = _send_at_once
    return client


def start_options(protocol: Protocol) -> dict[str, Any]:
    """The properties that go with the login."""
    if protocol != "5":
        return {}
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.MaximumPacketSize = LARGEST_PACKET
    return {"clean_start": True, "properties": properties}


def why_unreachable(settings: MqttSettings, address: str, error: OSError | ValueError) -> str:
    """The trouble, and what to look at."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"the broker at {address} cannot be trusted: {error.verify_message}; "
            "mqtt.ca_file names the authority that signed its certificate"
        )
    if isinstance(error, ssl.SSLError) or (isinstance(error, ConnectionResetError) and settings.encrypted):
        return (
            f"the broker at {address} speaks no TLS; is mqtt.port the one for it, usually 8883? "
            'mqtt.tls = "off" does without'
        )
    text = getattr(error, "strerror", None) or str(error)
    return f"no broker at {address} ({text}); is it running, and are mqtt.host and mqtt.port right?"


def hint(refusal: str) -> str:
    """A hint where the broker refuses a login."""
    if "authorized" in refusal.lower() or "password" in refusal.lower():
        return "; check mqtt.username and mqtt.password"
    if refusal == NO_ANSWER:
        return '; where it speaks only MQTT 3.1.1 and does not say so: mqtt.protocol = "3.1.1"'
    return ""


def _tls_context(settings: MqttSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise BrokerError(f"mqtt.ca_file: {settings.ca_file}: cannot be used ({error})") from error
    if settings.cert_file:
        _load_certificate(context, settings.cert_file, settings.key_file)
    return context


def _load_certificate(context: ssl.SSLContext, certificate: str, key: str) -> None:
    try:
        # Without a password of ours OpenSSL would ask for one on the terminal.
        context.load_cert_chain(certificate, key, password=lambda: "")
    except (OSError, ssl.SSLError) as error:
        raise BrokerError(
            f"mqtt.cert_file, mqtt.key_file: {certificate}, {key}: cannot be used ({error})"
        ) from error


def _send_at_once(_client: paho.Client, _data: object, sock: Any) -> None:
    """No command waits until what was sent before it is acknowledged, which may take 40 ms.

    As it would by Nagle's algorithm (RFC 896) and delayed acknowledgements (RFC 1122, section 4.2.3.2).
    """
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
