"""The fleet in the simulation."""
