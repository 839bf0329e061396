"""Makes Redis clients whose every wait is bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import urlsplit

from redis.asyncio import BlockingConnectionPool, Connection, Redis, SSLConnection
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError, ReadOnlyError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError


class CannotWriteNow(ResponseError):
    """Redis refuses writes, since its disk or its memory is full. It reads on, and writes again by itself."""


AWAY = (RedisConnectionError, RedisTimeoutError, ReadOnlyError, CannotWriteNow)
"""What a Redis that is away, loading, full or failing over raises; anything else is a mistake of ours."""
_REFUSES_WRITES: Final = ("MISCONF", "OOM")
"""How such an answer begins: its append-only file, or `maxmemory`."""


class CancellableSends(AbstractConnection):
    """redis-py's connection, whose sends can be cancelled at any moment.

    redis-py bounds a send by `asyncio.wait_for`, and until Python 3.12 that forgets a cancellation that comes
    in the turn in which the send ends (https://github.com/python/cpython/issues/86296): a listener told to
    stop goes on for ever. `asyncio.timeout` does not forget, and needs no task for each send.
    """

    async def send_packed_command(
        self,
        command: bytes | str | Iterable[bytes],
        check_health: bool = True,  # noqa: FBT001, FBT002 - redis-py's signature
    ) -> None:
        """As redis-py's: ConnectionError or TimeoutError, and the connection is closed."""
        if not self.is_connected:
            await self.connect_check_health(check_health=False)
        if check_health:
            await self.check_health()  # type: ignore[no-untyped-call] # redis-py's is not annotated
        if isinstance(command, str):
            command = command.encode()
        writer = self._writer
        if writer is None:
            raise RedisConnectionError("Connection closed while it was made")
        try:
            async with asyncio.timeout(self.socket_timeout):
                writer.writelines([command] if isinstance(command, bytes) else command)
                await writer.drain()
        except BaseException as error:
            await self.disconnect(nowait=True)
            if isinstance(error, TimeoutError):
                raise RedisTimeoutError("Timeout writing to socket") from None
            if isinstance(error, OSError):
                raise RedisConnectionError(f"Error while writing to socket: {error}") from error
            raise

    async def read_response(self, *arguments: Any, **options: Any) -> Any:
        """As redis-py's; CannotWriteNow where it would be a ResponseError that says so."""
        try:
            return await super().read_response(*arguments, **options)
        except ResponseError as error:
            if isinstance(error, OutOfMemoryError) or str(error).startswith(_REFUSES_WRITES):
                raise CannotWriteNow(str(error)) from error
            raise


class CancellableConnection(CancellableSends, Connection):
    """Over TCP (redis://)."""


class CancellableSSLConnection(CancellableSends, SSLConnection):
    """Over TLS (rediss://)."""


_BY_SCHEME: Final[dict[str, type[CancellableSends]]] = {
    "redis": CancellableConnection,
    "rediss": CancellableSSLConnection,
}


def connect(url: str, *, timeout_s: float = 2.0, connections: int = 32, retries: int = 1) -> Redis:
    """A client of at most `connections` connections; a command waits `timeout_s`, `retries` times more.

    One retry is there for the pooled connection that a restarted Redis has closed. Only use it for commands
    that may run twice; all scripts here may. `url` is redis:// or rediss:// as redis-py reads it.
    Raises ValueError for any other, without showing it.
    """
    kind = _BY_SCHEME.get(urlsplit(url).scheme)
    if kind is None:
        raise ValueError("Redis's URL must be redis://[user:password@]host:port/db, or rediss:// for TLS")
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=connections,
        timeout=timeout_s,
        socket_timeout=timeout_s,
        socket_connect_timeout=min(1.0, timeout_s),
        socket_keepalive=True,
        retry=Retry(NoBackoff(), retries),
    )
    pool.connection_class = kind  # afterwards: for rediss:// redis-py replaces a class that it is given
    return Redis.from_pool(pool)
