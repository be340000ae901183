"""What keeps a station running and lets people look at it: systemd, signals, logs, credentials, metrics."""
