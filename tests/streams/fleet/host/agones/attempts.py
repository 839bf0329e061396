"""Attempts that the tests start, and what they are checked by."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import msgspec

from streams.fleet.host.agones.manifest import Fetched, Pulled
from streams.fleet.host.launch import Launch, Port

SCHEMA: Final[dict[str, Any]] = json.loads((Path(__file__).parent / "game_server_schema.json").read_text())
INSTANCE: Final = "6f0d3c1e-58a4-5d0b-8a55-0d1f3c3f9a11"
DIGEST: Final = "sha256:" + "5e" * 32
HIDDEN: Final = "a value that nobody may see"
FETCHED: Final = Fetched(
    image=f"registry.example.com/runner@{DIGEST}",
    url="https://s3.example.com/questlog/build?signature=abc",
    size_bytes=1000,
    unpacked_bytes=5000,
)
PULLED: Final = Pulled(f"registry.example.com/game@{DIGEST}")


def launch(**changes: Any) -> Launch:
    base = Launch(
        instance_id=INSTANCE,
        attempt=1,
        region="eu-west",
        command=("bin/server",),
        cpu_cores=0.5,
        memory_mib=512,
        sha256="ab" * 32,
        startup_args='--motd "$(HOME) ${TOKEN}"',
        environment={"TOKEN": HIDDEN, "MAP": "dm1"},
        ports=(Port("game", 7777, 31001, "udp"), Port("query_2", 7778, 31002, "tcp")),
        readiness="sdk",
        stop_grace_s=2.5,
        document={"instance_id": INSTANCE, "name": "one"},
    )
    return msgspec.structs.replace(base, **changes)
