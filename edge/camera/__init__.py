"""Sources of frames behind one small interface."""
