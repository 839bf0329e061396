<<<<<<< HEAD
"""Liveops read sides."""
=======
"""Live-ops in the stores: what its events set, and what is read of it."""
>>>>>>> e05d09a (Project liveops into Redis, answer its reads in one call a turn, and run its decider)
