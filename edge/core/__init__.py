"""Everything that device and desktop must do alike, and all that trainer and quantize may import."""

import os

# OpenCV reads its own limits once, when it is loaded, and whoever loads it imports this package first. They
# stand behind the check of edge.core.images: a header that is read otherwise than by the decoder ends here.
for _limit, _value in {"PIXELS": 2**28, "WIDTH": 2**16, "HEIGHT": 2**16}.items():
    os.environ.setdefault(f"OPENCV_IO_MAX_IMAGE_{_limit}", str(_value))
