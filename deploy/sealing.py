"""Opens the deployment's sealer: what the edges, the command line and the effects seal and open with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.settings import PREFIX, SettingsError
from schemas.seal import Sealer

if TYPE_CHECKING:
    from deploy.settings import Settings


def open_sealer(configured: Settings) -> Sealer:
    """Seals under the deployment secret; opens what it or an old one sealed.

    Raises SettingsError as `deployment_secret` does, and for too many old secrets.
    """
    try:
        return Sealer(configured.deployment_secret(), configured.old_deployment_secrets())
    except ValueError as error:
        raise SettingsError(f"{PREFIX}SECRET and {PREFIX}OLD_SECRETS: {error}") from None
