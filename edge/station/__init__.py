"""The running whole: camera, trigger, inspector, gate and records wired together."""
