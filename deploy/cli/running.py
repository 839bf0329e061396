"""The settings of the stack that runs on a home, for commands that talk to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from deploy import settings
from deploy.private import write_private

if TYPE_CHECKING:
    from deploy.settings import Settings

SETTINGS_FILE = "settings.json"
_SHARED = (
    "kafka",
    "redis_url",
    "clickhouse_url",
    "clickhouse_database",
    "base_url",
    "telemetry_partitions",
    "liveops_partitions",
)


def write(configured: Settings) -> None:
    """Leave the addresses of a starting stack, passwords included, in its home, for its owner alone."""
    body = {name: getattr(configured, name) for name in _SHARED}
    write_private(configured.home / SETTINGS_FILE, json.dumps(body))


def of_home(home: Path | str | None) -> Settings:
    """Settings from the environment; what the stack of `home` has written there comes first."""
    folder = Path(home) if home is not None else settings.from_environment().home
    try:
        written = json.loads((folder / SETTINGS_FILE).read_bytes())
    except FileNotFoundError:
        written = {}
    return settings.from_environment(home=folder, **written)
