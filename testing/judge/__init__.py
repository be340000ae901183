"""The gate's rules a second time, from docs/guides/gate.md alone, and random sequences to compare both."""
