"""Live-ops in the stores: what its events set, and what is read of it."""
