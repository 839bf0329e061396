"""A deterministic simulation of the live-ops write path: the real code over a log and a store in memory."""
