"""[camera]: where frames come from, and when they are not to be trusted."""

from pydantic import Field

from edge.core.allowed import FOURCC
from edge.settings.section import Section


class CameraSettings(Section):
    """Where frames come from."""

    source: str = Field(
        "simulated",
        min_length=1,
        description='"simulated", a camera index ("0"), a device path, a URL, "snapshot: " and that of a '
        'single picture, "gstreamer: " and a pipeline, a video file or a folder; a URL with a password is '
        "better given as EDGE_CAMERA__SOURCE",
    )
    width: int | None = Field(None, ge=1, le=16384, description="pixels; none takes the camera's own")
    height: int | None = Field(None, ge=1, le=16384, description="pixels; none takes the camera's own")
    fps: float | None = Field(
        None,
        gt=0,
        le=10000,
        description="frames a second asked of the camera; how often the address of a picture is fetched (5)",
    )
    fourcc: str = Field(
        "", pattern=FOURCC, description='pixel format asked of the camera, such as "MJPG" or "Y16 "'
    )
    bits: int | None = Field(
        None,
        ge=8,
        le=16,
        description="how many of 16 bits a camera uses that gives so many; none: as the photographs of the "
        "bundle, or all",
    )
    exposure: float | None = Field(
        None, ge=0, description="in the camera's unit (V4L2: 0.1 ms); none leaves it automatic"
    )
    gain: float | None = Field(None, ge=0, description="in the camera's unit; none leaves it alone")
    white_balance: float | None = Field(None, ge=0, description="kelvin; none leaves it automatic")
    focus: float | None = Field(None, ge=0, description="in the camera's unit; none leaves it automatic")
    rate: float = Field(
        5.0, gt=0, le=1000, description="frames a second of simulated parts, folders and video files"
    )
    count: int = Field(
        0, ge=0, description="end after so many frames of simulated parts or a folder; 0 never ends"
    )
    seed: int = Field(0, ge=0, description="which simulated parts are drawn")
    size: int = Field(240, ge=64, le=2048, description="pixels a side of a simulated frame")
    defect_rate: float = Field(0.2, ge=0, le=1, description="share of defective simulated parts")
    open_timeout_ms: int = Field(5000, ge=100, le=120000, description="longest wait for a network camera")
    settle_ms: int = Field(
        500, ge=0, le=60000, description="frames so soon after opening are not used: exposure, old buffers"
    )
    steady: bool = Field(
        default=True,
        description="an HTTP stream or pipeline comes at a steady rate: frames out of a buffer can be told",
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
