"""The networks, each behind one small interface."""
