"""config.toml: its sections, where they are read from, and the file that documents them."""
