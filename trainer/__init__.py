"""Learn from folders of photographs, and tell the truth about how good the model is."""
