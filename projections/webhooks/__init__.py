"""Deliveries that wait to be posted: put into Redis from the log, taken from it line by line."""
