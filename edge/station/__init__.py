"""The running station: camera, trigger, inspector, gate and records wired together."""
