"""Changes while the line runs: bundles, recipes, settings, the trial of a new one, a shadow."""
