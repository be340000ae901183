"""Parts tracked from the camera to the gate, and the schedule of its commands."""
