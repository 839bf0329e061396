"""Examples of S5's answers, as the reference has them. Plain data."""

from __future__ import annotations

from typing import Any, Final

_ID: Final = "0198f5a2-3c1e-5d2b-9a11-6f1a0d3b7c55"
_CREATED: Final = "2026-03-15T10:29:55.000Z"
_READY: Final = "2026-03-15T10:29:55.300Z"

SERVER: Final[dict[str, Any]] = {
    "instance_id": _ID,
    "name": "us-east-lobby-1",
    "status": "running",
    "region": "us-east",
    "compute_size": "small",
    "version_tag": "default",
    "version": 4,
    "network_ports": [
        {
            "name": "game",
            "internal_port": 7777,
            "external_port": 31045,
            "protocol": "udp",
            "host": "play.example.com",
            "tls_enabled": False,
            "proxy_protocol": False,
        }
    ],
    "startup_args": None,
    "service_type": "match_based",
    "started_at": _READY,
    "stopped_at": None,
    "auto_restart": False,
    "custom_data": {"map": "arena_01"},
    "ttl": 3600,
    "is_pool_server": False,
    "pool_claimed_at": None,
    "match_id": None,
    "created_at": _CREATED,
    "updated_at": _READY,
    "phase": "running",
    "restarts": 0,
    "expires_at": "2026-03-15T11:29:55.000Z",
    "stop_reason": None,
    "exit_code": None,
    "machine_id": "host-1",
    "isolation": "container",
}
LAUNCHING: Final = SERVER | {
    "status": "launching",
    "phase": "starting",
    "started_at": None,
    "isolation": None,
}
BUILD: Final[dict[str, Any]] = {
    "build_id": "build_5f1c0d9a3b7e4c2d8f6a1b0c",
    "name": "default",
    "version": 4,
    "status": "ready",
    "build_type": "zip",
    "executable_path": "GameServer.x86_64",
    "image_url": None,
    "created_at": _CREATED,
    "updated_at": _READY,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "size_bytes": 48_211_031,
    "unpacked_bytes": 131_072_000,
    "files": 2949,
    "image_digest": None,
    "error": None,
}
SETTINGS: Final[dict[str, Any]] = {
    "port_configs": [
        {
            "name": "game",
            "internal_port": 7777,
            "protocol": "udp",
            "tls_enabled": False,
            "proxy_protocol": False,
        }
    ],
    "environment_variables": {"LOG_LEVEL": "debug"},
    "pool_config": {"enabled": True, "regions": {"us-east": {"small": 1}}, "version_tag": None},
    "auth_config": None,
    "lobby_configs": None,
    "readiness": "ports",
    "startup_timeout": 120,
    "stop_grace": 10,
    "updated_at": _CREATED,
}
UPLOAD: Final[dict[str, Any]] = {
    "build_id": BUILD["build_id"],
    "name": "default",
    "version": 4,
    "upload_url": "https://play.example.com/objects/uploads/…",
    "message": "Upload your ZIP file to the provided URL, then call /process",
}
_LINE: Final[dict[str, Any]] = {
    "timestamp": "2026-03-15T10:30:05.123Z",
    "message": "Server started on port 7777",
    "level": "info",
    "instance": _ID,
    "region": "us-east",
}
SERVER_LOGS: Final[dict[str, Any]] = {
    "logs": [_LINE],
    "instance_id": _ID,
    "machine_id": "host-1",
    "next_token": None,
}
PROJECT_LOGS: Final[dict[str, Any]] = {
    "logs": [_LINE | {"server_name": "us-east-lobby-1"}],
    "next_token": None,
}
BUILD_LOGS: Final[dict[str, Any]] = {
    "build_id": BUILD["build_id"],
    "logs": [
        {
            "timestamp": _CREATED,
            "level": "info",
            "step": "validate",
            "message": "2,949 files, 131,072,000 bytes",
        }
    ],
    "total": 1,
    "limit": 100,
    "offset": 0,
    "has_more": False,
}
METRICS: Final[dict[str, Any]] = {
    "instance_id": _ID,
    "machine_id": "host-1",
    "region": "us-east",
    "period": {"start": 1742036400, "end": 1742040000, "step": "60s"},
    "cpu": {"usage_percent": [{"t": 1742036400, "v": 12.5}]},
    "memory": {"used_mb": [{"t": 1742036400, "v": 256}], "total_mb": 1024},
    "network": {
        "rx_bytes_per_sec": [{"t": 1742036400, "v": 1024}],
        "tx_bytes_per_sec": [{"t": 1742036400, "v": 2048}],
    },
    "load": {"average_1m": [{"t": 1742036400, "v": 0.5}]},
    "connections": {"tcp": [{"t": 1742036400, "v": 8}]},
}


def page(rows: str, row: dict[str, Any]) -> dict[str, Any]:
    """A page of one row."""
    totals = {"total": 1, "total_servers": 1} if rows == "servers" else {"total": 1}
    return {**totals, rows: [row], "limit": 50, "offset": 0, "has_more": False}
