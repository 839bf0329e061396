"""The embedded stack.

Kafka, Redis and ClickHouse on this machine, and the supervisor that keeps them running.
"""
