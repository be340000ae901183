"""A trained run to one int8 bundle that decides as the float model did."""
