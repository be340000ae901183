"""[mqtt]: the broker, and how to talk to it."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from edge.settings.section import PathText, Section

Port = Annotated[int, Field(ge=1, le=65535)]


class MqttSettings(Section):
    """The broker."""

    enabled: bool = Field(default=True, description="false: no broker, verdicts stay in the journal")
    host: str = Field("127.0.0.1", min_length=1, description="name or address of the broker")
    port: Port = Field(1883, description="its port; 8883 is usual with tls")
    protocol: Literal["auto", "5", "3.1.1"] = Field("auto", description='"auto" tries 5 first, then 3.1.1')
    username: str = Field("", description="empty: none")
    password: SecretStr = Field(
        SecretStr(""),
        description="better given as a credential (docs/guides/install.md) or EDGE_MQTT__PASSWORD "
        "than written here",
    )
    tls: Literal["auto", "on", "off"] = Field(
        "auto",
        description='"on": encrypt, and verify the broker\'s certificate; "auto": with a password or one '
        'of the files below; "off": never, the password goes in the clear',
    )
    ca_file: PathText = Field("", description="PEM file of the authority that signed it; empty: the system's")
    cert_file: PathText = Field("", description="PEM file of our own certificate, where the broker wants one")
    key_file: PathText = Field("", description="PEM file of its key")
    keepalive_s: int = Field(15, ge=2, le=3600, description="seconds after which a dead link is noticed")
    reconnect_max_s: float = Field(15.0, ge=0.1, le=3600, description="longest pause between attempts")
    bits: bool = Field(
        default=False,
        description="true: …/bits mirrors ready, busy and result for a PLC; two messages a part",
    )
    lots: bool = Field(default=False, description="true: …/lot says which lot the parts are of")
    response_topics: str = Field(
        "",
        description="where answers to commands may go besides …/response and what is below it: topics, with "
        'spaces; + and # as in MQTT: "hmi/+/answers"',
    )

    @property
    def encrypted(self) -> bool:
        """True if the connection is encrypted, and the broker's certificate verified."""
        wanted = bool(self.password.get_secret_value() or self.ca_file or self.cert_file)
        return self.tls == "on" or (self.tls == "auto" and wanted)

    @field_validator("host", mode="before")
    @classmethod
    def _host_alone(cls, host: Any) -> Any:
        if isinstance(host, str) and ("@" in host or "/" in host):
            raise ValueError("expected a name or an address alone; mqtt.password is for the password")
        return host

    @field_validator("response_topics")
    @classmethod
    def _lead_to_no_gate(cls, topics: str) -> str:
        for topic in topics.split():
            levels = topic.split("/")
            if levels[0] in ("inspection", "+", "#") or topic.startswith("$"):
                raise ValueError(f"{topic}: expected a topic that no station uses: not below inspection/")
            if "#" in "".join(levels[:-1]) or any(len(level) > 1 and {*level} & {*"+#"} for level in levels):
                raise ValueError(f"{topic}: expected + or # in the place of a whole level, # at the end")
        return topics

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if bool(self.cert_file) != bool(self.key_file):
            raise ValueError("mqtt.cert_file and mqtt.key_file must be given together")
        if self.tls == "off" and (self.ca_file or self.cert_file):
            raise ValueError('mqtt.tls: "off", but mqtt.ca_file or mqtt.cert_file is given; expected "on"')
        if self.password.get_secret_value() and not self.username:
            raise ValueError("mqtt.password: needs mqtt.username")
        return self
