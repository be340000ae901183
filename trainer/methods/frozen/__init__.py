"""A backbone that stays as it is: what its features, and the most suspicious places, say."""
