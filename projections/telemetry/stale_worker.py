"""The failure of a worker that may have lost its partitions. Apart from the reader: every role knows it."""

from __future__ import annotations


class WorkerIsStale(Exception):
    """No good heartbeat for half a session: another worker may own the partition. Nothing is inserted."""
