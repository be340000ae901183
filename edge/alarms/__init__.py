"""Alarms for a person: rules that notice, a register that says each once, and the way to the broker."""
