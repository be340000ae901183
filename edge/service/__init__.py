"""The station as a service: systemd, signals, logs, credentials, metrics."""
