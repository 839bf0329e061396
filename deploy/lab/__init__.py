"""Benches, drills, the demo game and the simulation: what tries questlog, and production does not ship."""
