"""The demo's testers: some of its people redeem a key of the open batch, and their game links their device.

From then on S1 shows their sessions under their handles, whatever handle the game sends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import httpx
import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from deploy.lab.demo.game.payloads import Player

TIMEOUT_SECONDS: Final = 15.0


class Invitation(msgspec.Struct, frozen=True):
    """Where keys are redeemed and devices are linked: the public link of a batch of the game."""

    base_url: str
    game_id: str
    share_url: str


def handle_of(player: Player) -> str:
    """The handle that a player redeems a key under."""
    return f"{player.handle}-Weekend"


def link_testers(invitation: Invitation, players: Iterable[Player], tell: Callable[[str], None]) -> int:
    """Let each player redeem a key and link their device, unless it is linked; how many are linked then.

    Called again, it changes nothing. Never raises: it tells who stays without a handle, and why.
    """
    linked = 0
    with httpx.Client(base_url=invitation.base_url, timeout=TIMEOUT_SECONDS) as http:
        for player in players:
            try:
                _link(http, invitation, player)
            except (httpx.HTTPError, KeyError, ValueError) as error:
                tell(f"{player.handle} has no handle: {error}")
            else:
                linked += 1
    return linked


def _link(http: httpx.Client, invitation: Invitation, player: Player) -> None:
    device = {"gameId": invitation.game_id, "deviceId": player.player_id}
    found = http.get("/api/telemetry/tester", params=device).raise_for_status()
    if found.json()["linked"]:
        return
    redeemed = http.post(
        invitation.share_url,
        json={"handle": handle_of(player)},
        # The same key for a day, whenever the demo is stopped between here and the claim.
        headers={"idempotency-key": f"demo-{player.player_id}"},
    ).raise_for_status()
    claim = {"claimToken": redeemed.json()["claimToken"], **device}
    http.post("/api/telemetry/claim", json=claim).raise_for_status()
