"""What changes while the line runs: bundle, recipe, settings."""
