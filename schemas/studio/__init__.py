"""The studio noun on the wire: studios, games, keys, definitions."""
