"""Which files of a folder are photographs, and of what class: one reading for every command."""
