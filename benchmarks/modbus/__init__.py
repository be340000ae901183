"""Modbus TCP measured: kills of both sides, and how soon a result can be read."""
