"""A memory of patches of OK parts; README.md has the source and the figures."""
