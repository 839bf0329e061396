"""Queries over what this noun's writers put into ClickHouse: one function for each read."""
