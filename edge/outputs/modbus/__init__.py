"""Modbus TCP: a server on the device whose registers a PLC reads."""
