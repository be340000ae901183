"""`make campaign`: the daemon broken over and over, as a factory does it, and what it cost."""
