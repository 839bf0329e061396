"""Opens the deployment's sealers, for the edges, the command line, the effects and hosts of servers."""

from __future__ import annotations

import hashlib
import hmac
from functools import cache
from typing import TYPE_CHECKING, Final

from deploy.settings import PREFIX, SettingsError
from schemas.seal import Sealer

if TYPE_CHECKING:
    from deploy.settings import Settings
    from schemas.telemetry.forgetting import Fingerprints

_FLEET: Final = b"questlog fleet"


def open_sealer(configured: Settings) -> Sealer:
    """Seals under the deployment secret; opens what it or an old one sealed.

    Raises SettingsError as `deployment_secret` does, and for too many old secrets.
    """
    try:
        return Sealer(configured.deployment_secret(), configured.old_deployment_secrets())
    except ValueError as error:
        raise SettingsError(f"{PREFIX}SECRET and {PREFIX}OLD_SECRETS: {error}") from None


def open_fingerprints(configured: Settings) -> Fingerprints:
    """What tells who is forgotten. The secret is read when it is first needed: SettingsError then."""

    @cache
    def sealer() -> Sealer:
        return open_sealer(configured)

    return lambda studio_id, kind, value: sealer().fingerprints(studio_id, kind, value)


def open_fleet_sealer(configured: Settings) -> Sealer:
    """Seals under the fleet secret, which hosts have; opens what that of an old deployment secret sealed.

    Raises SettingsError as `open_sealer` does.
    """
    if configured.fleet_secret:
        return Sealer(configured.fleet_secret.encode(), [])
    try:
        return Sealer(
            _fleet_secret(configured.deployment_secret()),
            [_fleet_secret(old) for old in configured.old_deployment_secrets()],
        )
    except ValueError as error:
        raise SettingsError(f"{PREFIX}SECRET and {PREFIX}OLD_SECRETS: {error}") from None


def _fleet_secret(deployment_secret: bytes) -> bytes:
    """The fleet secret that follows from a deployment secret, in hex."""
    return hmac.new(deployment_secret, _FLEET, hashlib.sha256).hexdigest().encode()
