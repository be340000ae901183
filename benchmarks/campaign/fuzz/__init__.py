"""Inputs that nobody meant: settings, bundles, images and messages, spoiled in seeded ways."""
