"""[model]: the bundle that decides."""

from pydantic import Field

from edge.core.bundle.signature import PublicKey
from edge.settings.section import PathText, Reloadable, Section


class ModelSettings(Section):
    """Which bundle decides."""

    path: Reloadable[PathText] = Field(
        "samples/demo.tflite", min_length=1, description="the bundle that `quantize` wrote"
    )
    threads: Reloadable[int] = Field(1, ge=1, le=64, description="processor threads of the TFLite runtime")
    trusted_keys: Reloadable[tuple[PublicKey, ...]] = Field(
        (),
        description="public keys; a bundle that none of them signed is refused; empty: any bundle will do",
    )
    folder: Reloadable[PathText] = Field(
        "bundles", min_length=1, description="where the bundles lie that the command activate may name"
    )
    watch_s: Reloadable[float] = Field(
        2.0, ge=0, le=3600, description="look so often whether the bundle's file was replaced; 0: never"
    )
    trial_frames: Reloadable[int] = Field(
        50, ge=0, le=100000, description="frames that a new bundle is on trial for; 0: none"
    )
    trial_faults: Reloadable[int] = Field(
        3, ge=1, le=100000, description="so many new faults among them, and the last bundle comes back"
    )
