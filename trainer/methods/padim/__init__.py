"""A Gaussian of features at each place; README.md has the source and the figures."""
