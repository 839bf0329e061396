"""Settings of Redis: where it is, how its clients log in, and who says which one is the primary."""

from __future__ import annotations

import dataclasses
from typing import Final

from deploy.clickhouse_settings import ClickHouseSettings

DEFAULT_REDIS_PORT: Final = 6379
REDIS_GROUPS_MAX: Final = 64


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class RedisSettings(ClickHouseSettings):
    """The part of `Settings` that is about Redis; on top of ClickHouse's, as a slotted class has one base.

    Secrets are in files: a variable would show in listings.
    """

    redis_url: str = f"redis://localhost:{DEFAULT_REDIS_PORT}/0"
    """redis://host:port/db, or rediss:// for TLS. A login in it, `user:password@`, comes first."""
    redis_groups: tuple[str, ...] = ()
    """URLs of the Redis that live-ops' games are spread over, each game by its id
    (`projections.redis.stores`). Empty: `redis_url` holds them too. Another number or order of them needs
    `questlog rebuild redis --discard`. What follows is meant for each of them too."""
    redis_username: str = ""
    """The user of Redis's ACL. Empty: its default one. `deploy.redis_access` says which rights it needs."""
    redis_password_file: str = ""
    """File with the password; read once, at a process's start. Empty: none."""
    redis_ca_file: str = ""
    """Of rediss://: PEM certificates that Redis and its Sentinels are trusted by. Empty: the system's."""
    redis_certificate_file: str = ""
    """Of rediss://: PEM certificate of this client with its chain, where Redis asks for one. Empty: none."""
    redis_certificate_key_file: str = ""
    """Its private key, without a passphrase. Empty: it is in the same file."""
    redis_sentinels: tuple[str, ...] = ()
    """Sentinels as `host:port`, which say where the primary is. Empty: it is the URL's host, as it is with
    `redis_groups`, each of which has its own."""
    redis_sentinel_service: str = "questlog"
    """What Sentinels call the primary."""
    redis_sentinel_username: str = ""
    """The user of the Sentinels' own ACL."""
    redis_sentinel_password_file: str = ""
    """File with the Sentinels' password. Empty: they ask for none."""


def groups_problem(urls: tuple[str, ...], sentinels: tuple[str, ...]) -> str:
    """Why `redis_groups` can't be as they are; empty where they can. Pure."""
    if urls and sentinels:
        return "QUESTLOG_REDIS_SENTINELS names one primary: it can't be set beside QUESTLOG_REDIS_GROUPS"
    if len(urls) > REDIS_GROUPS_MAX or len({*urls}) < len(urls):
        return f"QUESTLOG_REDIS_GROUPS must be at most {REDIS_GROUPS_MAX} URLs, each of another Redis"
    return ""
