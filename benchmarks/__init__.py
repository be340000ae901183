"""Measurements, started by hand with `make bench`."""
