"""Triggers: detection of parts, by the camera or from outside."""
