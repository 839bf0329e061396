"""What each plan allows of hosting. Source: contract/fleet.md, "Start"."""

from __future__ import annotations

from typing import Final

from schemas.fleet.views import PlanLimits

PLANS: Final[dict[str, PlanLimits]] = {
    "free": PlanLimits(
        active_servers=1, builds=5, sizes=["micro", "small"], ttl_max_s=3600, ttl_default_s=3600
    ),
    "indie": PlanLimits(active_servers=20, builds=50),
    "studio": PlanLimits(active_servers=500, builds=500),
}
"""By a studio's plan. `hosting:` of a game's definition may change them."""
