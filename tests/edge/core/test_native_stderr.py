import os

import pytest

from edge.core.native_stderr import native_stderr_filtered


def test_small_talk_is_dropped_and_the_rest_passed_on(capfd: pytest.CaptureFixture[str]) -> None:
    with native_stderr_filtered():
        os.write(2, b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\nERROR: no memory\n")
        os.write(2, b"W0000 00:00:1795246362.778973   32219 port.cc:153] oneDNN\nlast words")
    assert capfd.readouterr().err == "ERROR: no memory\nlast words"


def test_what_was_said_before_an_exception_is_passed_on(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError), native_stderr_filtered():
        os.write(2, b"why\n") / 0
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "why\nafter\n"
