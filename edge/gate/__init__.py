"""Parts on their way from the camera to the gate, and what is due when."""
