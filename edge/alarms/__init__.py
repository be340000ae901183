"""Alarms for a person: rules that detect, and a register that raises and clears each once."""
