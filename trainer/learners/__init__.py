"""How a model comes of photographs, each way behind one small interface."""
