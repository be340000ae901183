"""[camera]: where frames come from, and when they are not to be trusted. Each kind brings keys of its own."""

from typing import ClassVar, Literal

from pydantic import Field

from edge.core.allowed import DEVICE, FOURCC, URL
from edge.settings.section import PathText, Section


class CameraSettings(Section):
    """Where frames come from."""

    live: ClassVar[bool] = True
    """Whether it is a camera, which can fail and come back, and nothing stored or drawn."""

    width: int | None = Field(None, ge=1, le=16384, description="pixels; none takes the camera's own")
    height: int | None = Field(None, ge=1, le=16384, description="pixels; none takes the camera's own")
    bits: int | None = Field(
        None,
        ge=8,
        le=16,
        description="how many of 16 bits a camera uses that gives so many; none: as the photographs of the "
        "bundle, or all",
    )
    open_timeout_ms: int = Field(5000, ge=100, le=120000, description="longest wait for a network camera")
    settle_ms: int = Field(
        500,
        ge=0,
        le=60000,
        description="time after opening in which frames are not used: exposure, old buffers",
    )
    stall_ms: int = Field(2000, ge=50, le=60000, description="without a frame for so long: camera fault")
    max_age_ms: int = Field(500, ge=1, le=60000, description="a frame older than this is not inspected")
    reopen_max_ms: int = Field(10000, ge=100, le=600000, description="longest pause between openings")
    hung_max: int = Field(
        4, ge=1, le=100, description="more reads than this that never return: the process ends, status 3"
    )
    hung_s: float = Field(
        60.0, ge=1, le=86400, description="a read hangs for so long and no picture comes: the same"
    )
    queue: int = Field(4, ge=1, le=1000, description="frames waiting for inspection; the oldest is dropped")
    black_below: int = Field(
        16, ge=0, le=255, description="fault: 99 % of a picture is darker than this; 0 is off"
    )
    washed_out_above: int = Field(
        235, ge=0, le=255, description="fault: 99 % of a picture is brighter than this; 255 is off"
    )
    blurred_below: float = Field(
        0.29, ge=0, le=1, description="fault: less of a picture's steps is sharp; 0.25 is all blur, 0 is off"
    )
    half_decoded_from: float = Field(
        0.1, ge=0, le=1, description="fault: this share of a picture, from below, repeats one row; 0 is off"
    )
    freeze_frames: int = Field(
        10, ge=0, le=100000, description="fault: a picture comes once more than this, unchanged; 0 is off"
    )


class ReplayedSettings(CameraSettings):
    """Frames that are stored or drawn."""

    live: ClassVar[bool] = False

    replay_fps: float = Field(5.0, gt=0, le=1000, description="frames a second")
    count: int = Field(
        0, ge=0, description="end after so many frames; 0: a file at its end, drawn parts never"
    )


class SimulatedSettings(ReplayedSettings):
    """A conveyor of drawn parts."""

    kind: Literal["simulated"] = "simulated"
    seed: int = Field(0, ge=0, description="which parts are drawn")
    size: int = Field(240, ge=64, le=2048, description="pixels a side of a frame")
    defect_rate: float = Field(0.2, ge=0, le=1, description="share of defective parts")


class FileSettings(ReplayedSettings):
    """Stored pictures, once."""

    kind: Literal["file"] = "file"
    path: PathText = Field(min_length=1, description="a video file, or a folder of pictures")


class DeviceSettings(CameraSettings):
    """A camera of this computer."""

    kind: Literal["device"] = "device"
    device: str = Field(
        "0",
        pattern=DEVICE,
        coerce_numbers_to_str=True,
        description='its index, or a path such as "/dev/video0"',
    )
    fps: float | None = Field(
        None, gt=0, le=10000, description="frames a second asked of it; none takes its own"
    )
    fourcc: str = Field(
        "", pattern=FOURCC, description='pixel format asked of the camera, such as "MJPG" or "Y16 "'
    )
    exposure: float | None = Field(
        None, ge=0, description="in the camera's unit (V4L2: 0.1 ms); none leaves it automatic"
    )
    gain: float | None = Field(None, ge=0, description="in the camera's unit; none leaves it alone")
    white_balance: float | None = Field(None, ge=0, description="kelvin; none leaves it automatic")
    focus: float | None = Field(None, ge=0, description="in the camera's unit; none leaves it automatic")


class _AddressSettings(CameraSettings):
    url: str = Field(
        pattern=URL,
        description="its address; with a password it is better given as a credential "
        "(docs/guides/install.md) or EDGE_CAMERA__URL",
    )


class _UnstampedSettings(CameraSettings):
    steady: bool = Field(
        default=True,
        description="frames without stamps (HTTP, pipelines) come at a steady rate: those out of a buffer "
        "can be told",
    )


class StreamSettings(_AddressSettings, _UnstampedSettings):
    """A network camera, by FFmpeg."""

    kind: Literal["stream"] = "stream"


class SnapshotSettings(_AddressSettings):
    """The address of a single picture, fetched again and again."""

    kind: Literal["snapshot"] = "snapshot"
    fps: float = Field(5.0, gt=0, le=10000, description="how often a second it is fetched")


class PipelineSettings(_UnstampedSettings):
    """A GStreamer pipeline, where the installed OpenCV has GStreamer."""

    kind: Literal["pipeline"] = "pipeline"
    pipeline: str = Field(min_length=1, description="as gst-launch-1.0 takes it, with appsink at its end")


AnyCameraSettings = (
    SimulatedSettings | DeviceSettings | StreamSettings | SnapshotSettings | PipelineSettings | FileSettings
)
