"""Writes of the studio noun: what a signed-in page of the dashboard may do."""
