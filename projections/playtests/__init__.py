"""Playtests' read side: what events set in Redis, the queries over it, and the ClickHouse tables."""
