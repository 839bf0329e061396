"""From a game's definition to what it says of hosting. Pure."""

from __future__ import annotations

import hashlib
from typing import Any, Final

import msgspec

from schemas.edge.ports import Game
from schemas.fleet.commands import ChangeSettings
from schemas.fleet.plans import PLANS
from schemas.fleet.views import PlanLimits, PoolConfig, PortConfig

_LIMITS: Final = {
    "activeServers": "active_servers",
    "builds": "builds",
    "sizes": "sizes",
    "ttlMax": "ttl_max_s",
    "ttlDefault": "ttl_default_s",
}
_PLAIN: Final = {
    "readiness": "readiness",
    "startupTimeout": "startup_timeout_s",
    "stopGrace": "stop_grace_s",
}
_DIGITS: Final = 32


def limits_of(plan: str, game: Game | None) -> PlanLimits:
    """What a project may have: its studio's plan, and over it what its definition says."""
    declared = _hosting(game).get("limits", {}) if game is not None else {}
    changed = {_LIMITS[name]: value for name, value in declared.items()}
    return msgspec.structs.replace(PLANS[plan], **changed)


def declared_settings(plan: str, game: Game) -> ChangeSettings:
    """What an effect asks so that a definition's settings and limits hold; where it has none, limits alone.

    The decider takes each declaration once: what is changed by a request afterwards stays.
    """
    declared = _hosting(game).get("settings", {})
    if all(value is None for value in declared.values()):
        return ChangeSettings(limits=limits_of(plan, game))
    fields: dict[str, Any] = {
        _PLAIN[name]: value for name, value in declared.items() if name in _PLAIN and value is not None
    }
    if declared.get("portConfigs") is not None:
        fields["port_configs"] = [
            PortConfig(
                name=port["name"],
                internal_port=port["internalPort"],
                protocol=port["protocol"],
                tls_enabled=port.get("tlsEnabled", False),
                proxy_protocol=port.get("proxyProtocol", False),
            )
            for port in declared["portConfigs"]
        ]
    if declared.get("poolConfig") is not None:
        pool = declared["poolConfig"]
        fields["pool"] = PoolConfig(
            enabled=pool["enabled"], regions=pool["regions"], version_tag=pool["versionTag"]
        )
    return ChangeSettings(limits=limits_of(plan, game), declared=_mark(declared), **fields)


def _hosting(game: Game) -> dict[str, Any]:
    found: dict[str, Any] = game.definition.get("hosting", {})
    return found


def _mark(declared: dict[str, Any]) -> str:
    """Equal declarations, equal marks."""
    return hashlib.sha256(msgspec.json.encode(declared, order="sorted")).hexdigest()[:_DIGITS]
