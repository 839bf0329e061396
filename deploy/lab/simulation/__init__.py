"""A deterministic simulation of the write path: the real code over a log and a store in memory."""
