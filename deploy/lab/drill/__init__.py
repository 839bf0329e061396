"""Drills: a stack of its own is loaded, broken on purpose, and what came of every event is counted."""
