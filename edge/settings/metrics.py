"""[metrics]: what Prometheus may read."""

from pydantic import Field

from edge.settings.section import Section


class MetricsSettings(Section):
    """Metrics of this station for Prometheus, over HTTP; nobody is asked for a password."""

    port: int = Field(0, ge=0, le=65535, description="of http://…/metrics; 0 is off")
    address: str = Field(
        "127.0.0.1", min_length=1, description='of which network; "0.0.0.0": of all, so anybody may read'
    )
