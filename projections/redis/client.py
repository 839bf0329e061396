"""Makes Redis clients whose every wait is bounded."""

from __future__ import annotations

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError
from redis.exceptions import TimeoutError as RedisTimeoutError

AWAY = (RedisConnectionError, RedisTimeoutError, ReadOnlyError)
"""What a Redis that is away, loading or failing over raises; anything else is a mistake of ours."""


def connect(url: str, *, timeout_s: float = 2.0, connections: int = 32, retries: int = 1) -> Redis:
    """A client of at most `connections` connections; a command waits `timeout_s`, `retries` times more.

    One retry is there for the pooled connection that a restarted Redis has closed. Only use it for commands
    that may run twice; all scripts here may.
    """
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=connections,
        timeout=timeout_s,
        socket_timeout=timeout_s,
        socket_connect_timeout=min(1.0, timeout_s),
        socket_keepalive=True,
        retry=Retry(NoBackoff(), retries),
    )
    return Redis.from_pool(pool)
