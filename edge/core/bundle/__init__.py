"""The one file that is deployed: its manifest, what is verified of it, its signature."""
