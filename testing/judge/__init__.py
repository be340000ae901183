"""The gate's rules a second time, by docs/reference/gate-rules.md alone, and random sequences."""
