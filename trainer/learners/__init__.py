"""Ways from photographs to a model, each behind one small interface."""
