"""The camera that a setting names, and the part of the setting that may be shown."""

import cv2
import pytest

from edge.camera.source import check_source, open_camera, without_password
from edge.core.errors import CameraError, SettingsError
from edge.settings.camera import DeviceSettings, FileSettings, PipelineSettings, StreamSettings


def test_a_file_that_is_not_there_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"camera\.path: no such file or folder: absent"):
        open_camera(FileSettings(path="absent"))


@pytest.mark.parametrize(
    "secret_source",
    [
        "rtsp://operator:sesame@10.0.0.5/line",
        "rtsp://operator:ses@me/sesame?1@10.0.0.5/line",
        "http://10.0.0.5/line?token=sesame",
        "gstreamer: rtspsrc location=rtsp://operator:sesame@10.0.0.5/line ! decodebin ! appsink",
        'gstreamer: rtspsrc location=rtsp://10.0.0.5/line user-id=operator user-pw="sesame" ! appsink',
    ],
)
def test_a_password_is_never_shown_but_the_host_is(secret_source: str) -> None:
    shown = without_password(f"error at {secret_source} of sorts")
    assert "sesame" not in shown
    assert "operator" not in shown
    assert "10.0.0.5/line" in shown


@pytest.mark.skipif(cv2.videoio_registry.hasBackend(cv2.CAP_GSTREAMER), reason="this OpenCV has GStreamer")
def test_a_pipeline_is_refused_at_the_start_where_opencv_lacks_gstreamer() -> None:
    pipeline = PipelineSettings(pipeline="videotestsrc ! appsink")
    with pytest.raises(SettingsError, match=r"camera\.pipeline: .*without GStreamer"):
        check_source(pipeline)
    with pytest.raises(SettingsError, match="without GStreamer"):
        open_camera(pipeline)


def test_a_device_that_is_not_there_is_said_in_one_line() -> None:
    with pytest.raises(CameraError, match=r"/dev/video99: cannot be opened"):
        open_camera(DeviceSettings(device="/dev/video99"))


def test_opencv_prints_no_password_itself(capfd: pytest.CaptureFixture[str]) -> None:
    for source in ("rtsp://operator:sesame@127.0.0.1:9/line", "https://operator:sesame@127.0.0.1:9/line"):
        with pytest.raises(CameraError) as error:
            open_camera(StreamSettings(url=source, open_timeout_ms=500))
        assert "sesame" not in str(error.value)
    out, said = capfd.readouterr()
    assert "sesame" not in out + said
