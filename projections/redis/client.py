"""Makes Redis clients whose every wait is bounded, and which follow the primary after a failover."""

from __future__ import annotations

import asyncio
import dataclasses
import ssl
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from redis.asyncio import BlockingConnectionPool, Connection, Redis, SSLConnection
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError, ReadOnlyError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.maint_notifications import MaintNotificationsConfig

T = TypeVar("T")


class CannotWriteNow(ResponseError):
    """Redis refuses writes, since its disk or its memory is full. It reads on, and writes again by itself."""


AWAY = (RedisConnectionError, RedisTimeoutError, ReadOnlyError, CannotWriteNow)
"""What a Redis that is away, loading, full or failing over raises; anything else is a mistake of ours."""
AWAY_S: Final = 10.0
"""How long a reader waits for Redis before its process ends; every script may run twice."""
_REFUSES_WRITES: Final = ("MISCONF", "OOM")
"""How such an answer begins: its append-only file, or `maxmemory`."""
_SENTINEL_WAIT_S: Final = 0.5
"""How long each Sentinel is waited for before the next is asked."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class RedisLogin:
    """A user of Redis's ACL, or of a Sentinel's. Empty: none is given."""

    username: str = ""
    password: str = dataclasses.field(default="", repr=False)

    def options(self) -> dict[str, Any]:
        """As redis-py takes it."""
        given = {"username": self.username, "password": self.password}
        return {name: value for name, value in given.items() if value}


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class RedisTls:
    """PEM files for rediss://. Empty: the system's authorities; no certificate of this client's own."""

    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""

    def options(self) -> dict[str, Any]:
        """As redis-py takes it: the server's certificate and name are always verified."""
        files = {
            "ssl_min_version": ssl.TLSVersion.TLSv1_2,
            "ssl_ca_certs": self.ca_file,
            "ssl_certfile": self.certificate_file,
            "ssl_keyfile": self.key_file or self.certificate_file,
        }
        return {name: value for name, value in files.items() if value}


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Sentinels:
    """Who is asked which Redis is the primary of `service` now, before each new connection to it."""

    addresses: tuple[tuple[str, int], ...]
    service: str
    login: RedisLogin = RedisLogin()


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class RedisServer:
    """Where and how Redis is spoken to: all clients of a process are made from one of these."""

    url: str = dataclasses.field(repr=False)
    """redis://[user:password@]host:port/db, or rediss:// for TLS. With Sentinels its host is not used."""
    login: RedisLogin = RedisLogin()
    """Where the URL has none."""
    tls: RedisTls = RedisTls()
    sentinels: Sentinels | None = None

    @property
    def encrypted(self) -> bool:
        """Whether all that is sent to it, and to its Sentinels, goes over TLS."""
        return urlsplit(self.url).scheme == "rediss"


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
        """As redis-py's; CannotWriteNow where it would be a ResponseError that says so.

        A primary that has become a replica loses its connections: the next one is made to the new primary.
        """
        try:
            return await super().read_response(*arguments, **options)
        except ReadOnlyError:
            await self.disconnect(nowait=True)
            raise
        except ResponseError as error:
            if isinstance(error, OutOfMemoryError) or str(error).startswith(_REFUSES_WRITES):
                raise CannotWriteNow(str(error)) from error
            raise


class CancellableConnection(CancellableSends, Connection):
    """Over TCP (redis://)."""


class CancellableSSLConnection(CancellableSends, SSLConnection):
    """Over TLS (rediss://)."""


class ToPrimary(Connection):
    """Asks Sentinels where the primary is each time that it connects."""

    def __init__(self, *, sentinel: Sentinel, service: str, **options: Any) -> None:
        super().__init__(**options)
        self._sentinel = sentinel
        self._service = service

    async def _connect(self) -> None:
        """redis-py's. MasterNotFoundError, which is a ConnectionError, where no Sentinel knows of one."""
        self.host, port = await self._sentinel.discover_master(self._service)
        self.port = int(port)
        await super()._connect()  # type: ignore[no-untyped-call]


class PrimaryConnection(CancellableSends, ToPrimary):
    """Over TCP, to the primary."""


class PrimarySSLConnection(CancellableSends, ToPrimary, SSLConnection):
    """Over TLS, to the primary."""


class _PrimaryPool(BlockingConnectionPool):
    """Closes the connections to its Sentinels too."""

    async def disconnect(self, inuse_connections: bool = True) -> None:  # noqa: FBT001, FBT002 - redis-py's
        await super().disconnect(inuse_connections)
        await self.connection_kwargs["sentinel"].aclose()


_BY_SCHEME: Final[dict[str, tuple[type[CancellableSends], type[CancellableSends]]]] = {
    "redis": (CancellableConnection, PrimaryConnection),
    "rediss": (CancellableSSLConnection, PrimarySSLConnection),
}
"""Connections to a server, and to the primary that Sentinels name."""


def connect(
    server: RedisServer | str, *, timeout_s: float = 2.0, connections: int = 32, retries: int = 1
) -> Redis:
    """A client of at most `connections` connections; a command waits `timeout_s`, `retries` times more.

    One retry is there for the pooled connection that a restarted Redis has closed. Only use it for commands
    that may run twice; all scripts here may. A URL alone is a server without further settings.
    Raises ValueError for a URL that is neither redis:// nor rediss://, without showing it.
    """
    at = server if isinstance(server, RedisServer) else RedisServer(url=server)
    kinds = _BY_SCHEME.get(urlsplit(at.url).scheme)
    if kinds is None:
        raise ValueError("Redis's URL must be redis://[user:password@]host:port/db, or rediss:// for TLS")
    unasked = MaintNotificationsConfig(enabled=False)  # announcements that only Redis's own cloud makes
    # Naming the library takes two commands more at each connection, which need a right of their own.
    made = {"driver_info": None, "maint_notifications_config": unasked}
    sentinel = _sentinel(at, made)
    pool_class = BlockingConnectionPool if sentinel is None else _PrimaryPool
    pool = pool_class.from_url(
        at.url,
        max_connections=connections,
        timeout=timeout_s,
        socket_timeout=timeout_s,
        socket_connect_timeout=min(1.0, timeout_s),
        socket_keepalive=True,
        retry=Retry(NoBackoff(), retries),
        **made,
    )
    # Afterwards: for rediss:// redis-py replaces a class that it is given, and a URL's login comes first.
    pool.connection_class = kinds[0 if sentinel is None else 1]
    more = at.tls.options() if at.encrypted else {}
    if sentinel is not None and at.sentinels is not None:
        more |= {"sentinel": sentinel, "service": at.sentinels.service}
    pool.connection_kwargs = at.login.options() | pool.connection_kwargs | more
    return Redis.from_pool(pool)


async def patiently(run: Callable[[], Awaitable[T]]) -> T:
    """What something that may run twice gives, once Redis answers. Raises as redis-py after AWAY_S."""
    deadline = asyncio.get_running_loop().time() + AWAY_S
    while True:
        try:
            return await run()
        except AWAY:
            if asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(0.05)  # a closed port refuses at once; Redis is asked 20 times a second


def _sentinel(at: RedisServer, made: dict[str, Any]) -> Sentinel | None:
    """Clients of the Sentinels: over TLS where Redis is, with a login of their own."""
    if at.sentinels is None:
        return None
    options = {
        **at.sentinels.login.options(),
        **({"ssl": True} | at.tls.options() if at.encrypted else {}),
        "socket_timeout": _SENTINEL_WAIT_S,
        "socket_connect_timeout": _SENTINEL_WAIT_S,
        **made,
    }
    return Sentinel(at.sentinels.addresses, sentinel_kwargs=options)  # type: ignore[no-untyped-call]
