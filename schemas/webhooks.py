"""Webhooks: what a target is, what a delivery holds, how it is signed. All pure.

A target is declared in the game's definition. Its signing secret is derived from the deployment's, so that
nothing in the log or in a store can sign; another `secretName` is another secret.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from schemas.edge.ports import Game

SIGNATURE_HEADER: Final = "X-Questlog-Signature"
DELIVERY_HEADER: Final = "X-Questlog-Delivery"
SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - what a secret begins with
KEPT_MS: Final = 24 * 60 * 60 * 1000
"""How long a delivery is tried, from its event on; then it is a dead letter."""


class WebhookTarget(msgspec.Struct, frozen=True, kw_only=True):
    """Where a game's events go."""

    game_id: str
    id: str
    url: str
    events: frozenset[str]
    secret_name: str = ""

    @property
    def name(self) -> str:
        """`<game>/<target>`: neither holds a slash."""
        return f"{self.game_id}/{self.id}"


class Delivery(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """One event for one target. NOTE: stored in Redis and in dead letters: append fields with a default."""

    id: str
    """The same for the same event, whenever and however often it is sent."""
    type: str
    game_id: str
    target_id: str
    line: str
    """What is delivered in order: one player's, or one board's, at this target."""
    sequence: int
    """Position in the line, ascending."""
    queued_at_ms: int
    """LogAppendTime of the event, or when it was put back; KEPT_MS later it is given up."""
    body: bytes
    """The request's body, JSON."""

    @property
    def target(self) -> str:
        """The target's name."""
        return f"{self.game_id}/{self.target_id}"


class LeasedDelivery(msgspec.Struct, frozen=True):
    """A delivery under lease, and how often it was tried."""

    delivery: Delivery
    attempts: int
    member: bytes
    """As it is stored."""


def targets_of(game: Game) -> list[WebhookTarget]:
    """The targets that a game's definition declares."""
    return [_target(game.id, declared) for declared in game.definition.get("webhooks", [])]


def target_of(game: Game, target_id: str) -> WebhookTarget | None:
    """One of them; None where there is no such target (any more)."""
    return next((target for target in targets_of(game) if target.id == target_id), None)


def _target(game_id: str, declared: Mapping[str, Any]) -> WebhookTarget:
    return WebhookTarget(
        game_id=game_id,
        id=declared["id"],
        url=declared["url"],
        events=frozenset(declared["events"]),
        secret_name=declared.get("secretName") or "",
    )


def signing_secret(deployment_secret: bytes, target: WebhookTarget) -> str:
    """The target's secret, `whsec_` and 64 hexadecimal digits: what its receiver verifies with."""
    parts = ("webhook", target.game_id, target.id, target.secret_name)
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return SECRET_PREFIX + hmac.new(deployment_secret, text.encode(), hashlib.sha256).hexdigest()


def signature(secret: str, at_s: int, body: bytes) -> str:
    """The signature header's value: `t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.body">`."""
    signed = hmac.new(secret.encode(), f"{at_s}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at_s},v1={signed}"
