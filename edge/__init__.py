"""Linegate's device part: frames in, verdicts out. Never imports tensorflow, trainer or quantize."""
