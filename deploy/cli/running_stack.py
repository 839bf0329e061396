"""The settings of the stack that runs on a home, for commands that talk to it."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from deploy import settings
from deploy.private_files import write_private
from deploy.stack.supervisor import StartFailed
from deploy.stack.volume import trouble_of

if TYPE_CHECKING:
    from deploy.settings import Settings

SETTINGS_FILE = "settings.json"
_SHARED = (
    "kafka",
    "kafka_security_protocol",
    "redis_url",
    "redis_groups",
    "clickhouse_url",
    "clickhouse_database",
    "clickhouse_cluster",
    "clickhouse_shards",
    "base_url",
)
_OLD_COUNTS = ("telemetry_partitions", "liveops_partitions")
"""In a home that an older release has written."""


def write(configured: Settings) -> None:
    """Leave the addresses of a starting stack, passwords included, in its home, for its owner alone."""
    body = {name: getattr(configured, name) for name in _SHARED}
    body["partitions"] = dict(configured.partitions)
    write_private(configured.home / SETTINGS_FILE, json.dumps(body))


def of_home(home: Path | str | None) -> Settings:
    """Settings from the environment; what the stack of `home` has written there comes first."""
    folder = Path(home) if home is not None else settings.from_environment().home
    try:
        written = json.loads((folder / SETTINGS_FILE).read_bytes())
    except FileNotFoundError:
        written = {}
    counts = {name.partition("_")[0]: written.pop(name) for name in _OLD_COUNTS if name in written}
    written["partitions"] = counts | written.get("partitions", {})
    if "redis_groups" in written:
        written["redis_groups"] = tuple(written["redis_groups"])
    if "redis_url" in written:
        written["redis_sentinels"] = ()  # its Redis is the only one, whatever the environment says of others
    return settings.from_environment(home=folder, **written)


def lock_of(home: Path) -> TextIO:
    """The lock file of a home, made where there is none. Raises StartFailed."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        if (trouble := trouble_of(home)) is not None:
            raise StartFailed(trouble)
        return (home / "up.lock").open("a+")
    except OSError as error:
        raise StartFailed(
            f"{home} can't be written ({error.strerror}): choose another home with --home (or QUESTLOG_HOME)"
        ) from None


def hold(lock: TextIO, home: Path) -> None:
    """One `up` or `repair` a home: StartFailed where there is another. It ends with this process."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        raise StartFailed(
            f"a stack already runs on {home} (pid {lock.read().strip()}); use --home for another"
        ) from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
