"""What the product's user of Redis may do: these commands on its own database, and one kind of channel.

`questlog up` gives its own Redis this user, so that every test of a running stack runs with these
rights alone. Redis is the product's own: no key of another program is in it, and rebuilds look at all keys.
"""

from __future__ import annotations

import hashlib
from typing import Final

USER: Final = "questlog"
CHANNELS: Final = "wake:*"
"""Where gateways are told that an outcome is there."""
COMMANDS: Final = (
    # Scripts, and the transactions around them: commands within a script need their rights too.
    *("eval", "evalsha", "script|load", "multi", "exec"),
    # The connection, what Redis it is (its run id), and its clock.
    *("ping", "select", "info", "time"),
    *("del", "exists", "expire", "pexpire", "pexpireat", "type", "unlink", "scan"),
    *("get", "mget", "set"),
    *("hdel", "hexists", "hget", "hgetall", "hincrby", "hkeys", "hlen", "hmget", "hscan", "hset", "hsetnx"),
    *("hvals", "lindex", "llen", "lpush", "ltrim"),
    *("sadd", "scard", "sdiff", "smembers", "smismember", "srem", "sscan"),
    *("zadd", "zcard", "zcount", "zmscore", "zrange", "zrangebyscore", "zrank", "zrem", "zremrangebyrank"),
    *("zscan", "zscore"),
    *("xadd", "xrange", "xread", "xrevrange"),
    *("publish", "subscribe", "unsubscribe"),
)
"""As Redis's ACL names them."""


def acl_line(password_hash: str) -> str:
    """The user as redis.conf, an ACL file and `ACL SETUSER` (without the first word) take it.

    `password_hash` is SHA-256 hex: the file holds no password.
    """
    allowed = " ".join(f"+{command}" for command in COMMANDS)
    return f"user {USER} on #{password_hash} resetchannels ~* &{CHANNELS} -@all {allowed}"


def password_hash(password: str) -> str:
    """As Redis's ACL keeps it."""
    return hashlib.sha256(password.encode()).hexdigest()
