"""Flaws of photographs, found before anything is learned from them: copies, torn labels, shortcuts."""
