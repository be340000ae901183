"""From a frame to an inspection."""
