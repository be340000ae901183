"""Triggers: they say that a part is here."""
