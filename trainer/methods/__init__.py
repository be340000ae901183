"""Ways of learning: a folder for each, with its model, how it is learned, and where it comes from."""
