"""The gate's rules a second time, from the words of docs/gate.md, and random sequences to compare both."""
