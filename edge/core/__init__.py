"""What the device and the desktop must do alike, and all that trainer and quantize may import."""
