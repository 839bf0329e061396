"""The Redis that settings name, with its certificates, login and Sentinels: all clients come from here."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from deploy.secret_files import read_secret
from deploy.settings import PREFIX, SettingsError
from projections.redis.client import RedisLogin, RedisServer, RedisTls, Sentinels, connect
from schemas.tls import client_tls
from streams.runtime import certificates

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from deploy.settings import Settings

_SENTINEL_PORT: Final = 26379


def open_redis(
    settings: Settings, url: str = "", *, timeout_s: float = 2.0, connections: int = 32, retries: int = 1
) -> Redis:
    """A client as `projections.redis.client.connect` makes it. Raises SettingsError as `redis_of` does."""
    return connect(redis_of(settings, url), timeout_s=timeout_s, connections=connections, retries=retries)


def redis_of(settings: Settings, url: str = "") -> RedisServer:
    """Where and how Redis is spoken to: the common one, or at the URL of a group.

    Reads the files that settings name; secrets are in no message.

    Raises SettingsError naming the variable, and the file where one can't be read.
    """
    address = url or settings.redis_url
    scheme = urlsplit(address).scheme
    if scheme not in {"redis", "rediss"}:
        variable = "REDIS_GROUPS" if url else "REDIS_URL"
        raise SettingsError(f"{PREFIX}{variable} must be redis://host:port/db, or rediss:// for TLS")
    tls = RedisTls(
        ca_file=settings.redis_ca_file,
        certificate_file=settings.redis_certificate_file,
        key_file=settings.redis_certificate_key_file,
    )
    if scheme == "rediss":
        _check(tls)
    login = RedisLogin(
        username=settings.redis_username,
        password=_password("REDIS_PASSWORD_FILE", settings.redis_password_file),
    )
    return RedisServer(url=address, login=login, tls=tls, sentinels=_sentinels(settings))


def _sentinels(settings: Settings) -> Sentinels | None:
    if not settings.redis_sentinels:
        return None
    login = RedisLogin(
        username=settings.redis_sentinel_username,
        password=_password("REDIS_SENTINEL_PASSWORD_FILE", settings.redis_sentinel_password_file),
    )
    return Sentinels(
        addresses=tuple(_address(one) for one in settings.redis_sentinels),
        service=settings.redis_sentinel_service,
        login=login,
    )


def _address(text: str) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = None
        port = None
    if not host or parts.path or parts.username is not None:
        raise SettingsError(f"{PREFIX}REDIS_SENTINELS must be host:port, commas between, not {text!r}")
    return host, port or _SENTINEL_PORT


def _password(variable: str, path: str) -> str:
    return read_secret(f"{PREFIX}{variable}", path) if path else ""


def _check(tls: RedisTls) -> None:
    """Read the files now: what is wrong with them is said at a process's start, with the variable."""
    try:
        context = client_tls(tls.ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(
            f"{PREFIX}REDIS_CA_FILE: {tls.ca_file} holds no PEM certificates: {error}"
        ) from None
    if tls.certificate_file:
        try:
            # An encrypted key would be asked for on the terminal.
            context.load_cert_chain(tls.certificate_file, tls.key_file or None, password="")
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(
                f"{PREFIX}REDIS_CERTIFICATE_FILE and {PREFIX}REDIS_CERTIFICATE_KEY_FILE:"
                f" {tls.certificate_file} and its key can't be used: {error}"
            ) from None
        certificates.hold("Redis", tls.certificate_file, Path(tls.certificate_file).read_bytes)
