"""What says that a part is here."""
