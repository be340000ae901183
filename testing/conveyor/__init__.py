"""A conveyor, a PLC and a judge for the gate: `make simulate`, or a short run in the tests.

Nothing here asks the gate what it believes. The world keeps its own account of each physical part (where it
is, what was found of it and when, what lay near it, whether anybody looked) and of what the PLC did, and says
which part was treated wrongly. Places are milliseconds of the belt at its usual speed; times are seconds of a
clock of its own.
"""
