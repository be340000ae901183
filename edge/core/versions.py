"""Which versions are at work, for status messages and `edge --check`."""

import platform
from importlib.metadata import PackageNotFoundError, version

import cv2
import numpy as np

from edge.core.interpreter import runtime_version


def linegate_version() -> str:
    """The installed version of Linegate, or "source" when it runs uninstalled."""
    try:
        return version("linegate")
    except PackageNotFoundError:
        return "source"


def versions() -> dict[str, str]:
    """Names and versions of what decides."""
    return {
        "linegate": linegate_version(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "opencv": cv2.__version__,
        "runtime": runtime_version(),
    }
