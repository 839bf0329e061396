"""Studios, games, keys and definitions in Redis: credentials and look-ups."""
