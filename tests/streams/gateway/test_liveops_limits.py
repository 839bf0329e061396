"""S3's writes against limits, before any command is appended."""

from __future__ import annotations

from typing import Any

import msgspec

from schemas.edge.ports import Credential, KeyKind, Limits
from streams.gateway.liveops.app import LiveopsWrites
from streams.gateway.pending_commands import CommandUnavailable
from tests.streams.gateway.world import GAME, Answer, World


class Away:
    """A command client whose log is away: what gets as far as here was let in."""

    partitions = 1

    async def submit(self, *_: Any, **__: Any) -> Any:
        raise CommandUnavailable("away")

    async def stored(self, *_: Any) -> Any:
        raise CommandUnavailable("away")


def opened(limits: Limits) -> World:
    commands: Any = Away()
    world = World(
        writes=[
            lambda services: LiveopsWrites(
                services, commands, commands, commands, commands, secret=b"s" * 16, randomness=bytes
            )
        ]
    )
    game = msgspec.structs.replace(GAME, limits=limits)
    world.directory.put(game)
    for key, kind in (("lo_live_x", KeyKind.SDK_LIVE), ("lo_srv_x", KeyKind.SDK_SERVER)):
        world.directory.keys[key] = Credential(
            key_id=key, kind=kind, studio_id=game.studio_id, game_id=game.id
        )
    return world


async def register(world: World, player: str, ip: str, key: str = "lo_live_x") -> Answer:
    path = f"/sdk/v1/players/{player}/register"
    return await world.call(path, client=ip, headers=[("authorization", f"Bearer {key}")])


async def test_made_up_players_of_one_address_are_stopped_and_others_are_not() -> None:
    world = opened(Limits())
    answers = [await register(world, f"p{number}", "192.0.2.1") for number in range(700)]
    assert [answer.status for answer in answers] == [503] * 600 + [429] * 100
    refused = answers[-1]
    assert refused.json()["error"]["code"] == "rate_limited"
    assert refused.json()["error"]["details"]["scope"] == "address"
    assert refused.headers["ratelimit-limit"] == "600"
    assert int(refused.headers["retry-after"]) >= 1
    assert (await register(world, "honest", "192.0.2.2")).status == 503
    assert (await register(world, "p1", "192.0.2.1", "lo_srv_x")).status == 503


async def test_one_network_of_ipv6_is_one_address() -> None:
    world = opened(Limits(sdk_register_address_per_minute=2))
    answers = [await register(world, f"p{number}", f"2001:db8:1:2::{number}") for number in range(4)]
    assert [answer.status for answer in answers] == [503, 503, 429, 429]
    assert (await register(world, "honest", "2001:db8:1:3::1")).status == 503


async def test_a_key_has_a_limit_over_all_addresses() -> None:
    world = opened(Limits(sdk_write_key_per_minute=18))  # 3 at once
    answers = [await register(world, f"p{number}", f"192.0.2.{number}") for number in range(4)]
    assert [answer.status for answer in answers] == [503] * 3 + [429]
    assert answers[-1].json()["error"]["details"]["scope"] == "key"


async def test_without_a_limit_nothing_is_counted() -> None:
    world = opened(Limits(sdk_write_per_minute=None))
    answer = await register(world, "p", "192.0.2.1")
    assert answer.status == 503
    assert "ratelimit-limit" not in answer.headers
    assert world.limiter.taken == {}
