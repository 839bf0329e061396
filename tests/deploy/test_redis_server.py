"""Which Redis settings are refused, and that no secret is shown; the rights of the product's user."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

import pytest
import yaml
from redis.asyncio.sentinel import Sentinel

from deploy.redis_access import CHANNELS, COMMANDS, acl_line, password_hash
from deploy.redis_server import open_redis, redis_of
from deploy.settings import Settings, SettingsError, from_environment
from projections.redis.client import (
    PrimaryConnection,
    PrimarySSLConnection,
    RedisLogin,
    RedisServer,
    Sentinels,
    connect,
)

ROOT: Final = Path(__file__).parents[2]
SECRET: Final = "a-secret-of-redis"  # noqa: S105 - a test's
CALL: Final = re.compile(r"redis\.p?call\(\s*'([A-Z]+)'")
BY_NAME: Final = {"set", "del", "hset", "hdel", "sadd", "srem", "zadd", "zrem"}
"""What apply.lua calls by an operation's own name, and by no other."""
BY_PYTHON: Final = {
    *("eval", "evalsha", "script|load", "multi", "exec", "ping", "select", "time", "type"),
    *("scan", "unlink", "exists", "get", "set", "del", "expire", "mget"),
    *("hget", "hset", "hgetall", "hdel", "hkeys", "hscan", "sscan", "zscan", "zadd", "zrem", "zmscore"),
    *("zscore", "zrangebyscore", "xread", "xrevrange", "subscribe", "unsubscribe"),
}
"""What clients ask outside of scripts."""
OF_CLIENTS: Final = {"redis", "_redis", "pipe", "pipeline", "pubsub"}
ASKING: Final = {"_ask", "execute", "execute_command"}
NO_COMMANDS: Final = {
    "aclose",
    "pipeline",
    "pubsub",
    "register_script",
    "listen",
    "from_pool",
    "call",
    "append",
}
CALLED: Final = {
    "delete": "del",
    "execute": "exec",
    "script load": "script|load",
    **{f"{kind}scan_iter": f"{kind}scan" for kind in ("", "h", "s", "z")},
}
"""redis-py's names, where they are others than Redis's."""


def configured(**words: str) -> Settings:
    return from_environment({f"QUESTLOG_REDIS_{name.upper()}": value for name, value in words.items()})


@pytest.fixture
def password(tmp_path: Path) -> str:
    (tmp_path / "password").write_text(f"{SECRET}\n")
    return str(tmp_path / "password")


async def test_a_login_is_read_from_its_file_and_shown_nowhere(password: str) -> None:
    settings = configured(username="questlog", password_file=password)
    server = redis_of(settings)
    assert server.login == RedisLogin(username="questlog", password=SECRET)
    assert not server.encrypted
    assert SECRET not in repr(server) + repr(settings) + str(settings.environment())
    redis = open_redis(settings)
    assert redis.connection_pool.connection_kwargs["username"] == "questlog"
    assert redis.connection_pool.connection_kwargs["password"] == SECRET
    assert SECRET not in repr(redis)
    await redis.aclose()


async def test_a_login_in_the_url_comes_first(password: str) -> None:
    redis = open_redis(configured(url="redis://me:word@h:1/0", username="other", password_file=password))
    given = redis.connection_pool.connection_kwargs
    assert (given["username"], given["password"], given["host"]) == ("me", "word", "h")
    await redis.aclose()


async def test_sentinels_are_asked_by_every_new_connection_with_a_login_of_their_own(password: str) -> None:
    settings = configured(
        sentinels="one:5000, two", sentinel_service="games", sentinel_password_file=password
    )
    assert redis_of(settings).sentinels == Sentinels(
        addresses=(("one", 5000), ("two", 26379)), service="games", login=RedisLogin(password=SECRET)
    )
    redis = open_redis(settings)
    pool = redis.connection_pool
    assert pool.connection_class is PrimaryConnection
    assert isinstance(pool.connection_kwargs["sentinel"], Sentinel)
    assert "password" not in pool.connection_kwargs
    await redis.aclose()
    over_tls = connect(RedisServer(url="rediss://h:1/0", sentinels=redis_of(settings).sentinels))
    asked = over_tls.connection_pool.connection_kwargs["sentinel"].sentinels[0].connection_pool
    assert over_tls.connection_pool.connection_class is PrimarySSLConnection
    assert "SSL" in asked.connection_class.__name__
    await over_tls.aclose()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"url": "http://user:a-secret-of-redis@h"}, "QUESTLOG_REDIS_URL must be redis://"),
        ({"password_file": "/nowhere"}, "QUESTLOG_REDIS_PASSWORD_FILE: /nowhere can't be read: No such file"),
        ({"sentinels": "one/two"}, "QUESTLOG_REDIS_SENTINELS must be host:port"),
        ({"sentinels": "one:port"}, "QUESTLOG_REDIS_SENTINELS must be host:port"),
        ({"sentinels": "one:1", "groups": "redis://a"}, "QUESTLOG_REDIS_SENTINELS names one primary"),
        ({"url": "rediss://h", "ca_file": "/nowhere"}, "QUESTLOG_REDIS_CA_FILE: /nowhere holds no PEM"),
        (
            {"url": "rediss://h", "certificate_file": "/nowhere"},
            "QUESTLOG_REDIS_CERTIFICATE_FILE and QUESTLOG_REDIS_CERTIFICATE_KEY_FILE: /nowhere",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_variable(words: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError) as refused:
        redis_of(configured(**words))
    assert message in str(refused.value)
    assert SECRET not in str(refused.value)


def test_every_client_that_production_opens_is_made_from_the_settings() -> None:
    """`deploy.redis_server` alone calls `connect`, and no module makes a client by redis-py itself."""
    made = [
        str(path.relative_to(ROOT))
        for room in ("api", "streams", "projections", "deploy")
        for path in (ROOT / room).rglob("*.py")
        if "lab" not in path.parts
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
        and (
            (node.module == "projections.redis.client" and any(one.name == "connect" for one in node.names))
            or (node.module == "redis.asyncio" and any("Pool" in one.name for one in node.names))
        )
    ]
    assert made == ["projections/redis/client.py", "deploy/redis_server.py"]


def asked_by_python() -> dict[str, str]:
    """The commands that modules beside scripts ask, each with where; Redis's own names."""
    found = {}
    for room in ("projections", "deploy", "api", "streams"):
        for path in (ROOT / room).rglob("*.py"):
            text = path.read_text()
            if "lab" in path.parts or "redis" not in text:
                continue
            for node in ast.walk(ast.parse(text)):
                if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute | ast.Name):
                    continue
                name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
                owner = node.func.value if isinstance(node.func, ast.Attribute) else None
                of = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
                first = node.args[0] if node.args else None
                if name in ASKING and isinstance(first, ast.Constant) and isinstance(first.value, str):
                    name = first.value.lower()
                elif of not in OF_CLIENTS or name in NO_COMMANDS:
                    continue
                found[CALLED.get(name, name)] = str(path.relative_to(ROOT))
    return found


def test_all_that_python_asks_is_among_the_rights() -> None:
    asked = asked_by_python()
    assert {"zmscore", "xrevrange", "evalsha", "script|load", "hget", "unlink"} <= set(asked)
    assert {name: where for name, where in asked.items() if name not in COMMANDS} == {}


def test_the_users_rights_are_the_commands_that_the_code_asks_and_no_other() -> None:
    """Those of scripts are read from them; that no more are needed, each test of a running stack shows."""
    scripts = [path.read_text() for path in (ROOT / "projections").rglob("*.lua")]
    scripts.append((ROOT / "projections/redis/export_register.py").read_text())
    in_scripts = {found.lower() for text in scripts for found in CALL.findall(text)}
    assert in_scripts
    assert set(COMMANDS) == in_scripts | BY_NAME | BY_PYTHON
    assert len(COMMANDS) == len(set(COMMANDS))
    dangerous = {"keys", "flushall", "flushdb", "config|set", "acl|setuser", "debug", "shutdown", "replicaof"}
    assert not dangerous & set(COMMANDS)


def test_readme_compose_and_up_give_the_user_the_same_rights() -> None:
    line = acl_line(password_hash(SECRET))
    assert line.startswith(f"user questlog on #{password_hash(SECRET)} resetchannels ~* &{CHANNELS} -@all +")
    assert SECRET not in line
    rights = line.partition(password_hash(SECRET))[2].strip()
    assert rights in (ROOT / "deploy" / "README.md").read_text(encoding="utf-8")
    compose = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text(encoding="utf-8"))
    users = [line for line in compose["configs"]["redis"]["content"].splitlines() if line.startswith("user ")]
    assert users == ["user default off", f"user questlog on >${{REDIS_PASSWORD:?}} {rights}"]
