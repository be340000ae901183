"""Frame sources behind one small interface."""
