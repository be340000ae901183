"""Verdicts, commands and state over MQTT."""
