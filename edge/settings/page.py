"""[page]: the operator's page, which `edge page` serves."""

from pydantic import Field, SecretStr

from edge.settings.section import Section


class PageSettings(Section):
    """The operator's page: `edge page` serves it, a process of its own."""

    address: str = Field(
        "127.0.0.1",
        min_length=1,
        description="of this device itself; beyond it a proxy with a login stands in front",
    )
    port: int = Field(8620, ge=0, le=65535, description="of http://…; 0: one that is free")
    hosts: str = Field(
        "",
        description="names by which browsers ask for it, beside its address: those of a proxy",
    )
    requests_s: int = Field(
        300, ge=1, le=100_000, description="requests a second, all browsers together; more are refused"
    )
    connections: int = Field(200, ge=1, le=10_000, description="browsers' connections at once")
    users: SecretStr = Field(
        SecretStr(""),
        description="who may log in and review parts, as `edge page --add-user NAME` prints it; better as a "
        "credential; nobody: the page only shows",
    )
    watchers: int = Field(
        4,
        ge=0,
        le=100,
        description="pages that may watch the station at once, over a socket beside the journal; 0: none",
    )
