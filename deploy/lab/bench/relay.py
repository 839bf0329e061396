"""The demo game without limits, which benches load, and where its stack is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from pathlib import Path


class Relay(msgspec.Struct, frozen=True, kw_only=True):
    """What of demo.json is needed. Keys are the game's, but for `ingest` and `management`: its studio's."""

    base_url: str
    kafka: str
    clickhouse_url: str
    studio_id: str
    game_id: str
    token: str
    """S4's public token."""
    live: str
    """S3's key of clients."""
    server: str
    """S3's key of servers."""
    ingest: str
    """S1's key of batches."""
    management: str
    """S1's key of reads."""


def read_relay(home: Path) -> Relay:
    """From the demo.json of a stack's home. Raises FileNotFoundError, or ValueError for another shape."""
    path = home / "demo.json"
    try:
        data = msgspec.json.decode(path.read_bytes())
        keys = data["keys"]
        return Relay(
            base_url=data["base_url"],
            kafka=data["kafka"],
            clickhouse_url=data["clickhouse_url"],
            studio_id=data["studio"]["id"],
            game_id=next(game["id"] for game in data["games"] if game["slug"] == "relay"),
            token=keys["relay_public_token"],
            live=keys["relay_lo_live"],
            server=keys["relay_lo_srv"],
            ingest=keys["pl_ik"],
            management=keys["pl_mgmt"],
        )
    except (msgspec.DecodeError, KeyError, TypeError, StopIteration) as error:
        raise ValueError(f"{path} is not a demo.json: {error!r}; start the stack again") from error
