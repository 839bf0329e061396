"""A registration's secret is shown again where its idempotency key can't be guessed, and nowhere else."""

from __future__ import annotations

import itertools
import uuid
from typing import Any

import msgspec
import pytest

from schemas.edge.ports import Credential, KeyKind, Limits
from schemas.envelope import Command, Outcome
from schemas.identifiers import key_hash
from schemas.liveops.answers import PlayerAnswer
from schemas.liveops.commands import RegisterPlayer
from schemas.liveops.ports import PlayerRow
from streams.gateway.liveops.app import LiveopsWrites
from streams.gateway.liveops.secrets import player_secret, unguessable
from tests.streams.gateway.world import GAME, World

V1 = "b1cb3566-eb62-11f1-b96f-02fc00000001"
V4 = "1b4e28ba-2fa1-4f1d-883f-0016d3cca427"
V7 = "018f4d2e-5b1a-7c3d-9e4f-0123456789ab"
GUESSED = ["k", "reg-ann", "ann", "a" * 32, str(uuid.uuid5(uuid.NAMESPACE_DNS, "ann")), V1]


class Decider:
    """Registers a player once, remembers outcomes by command, and is the player's row."""

    partitions = 1

    def __init__(self) -> None:
        self.outcomes: dict[str, Outcome] = {}
        self.hashes: dict[str, str] = {}

    async def submit(self, command: Command, **_: Any) -> Outcome:
        known = self.outcomes.get(command.command_id)
        if known is None:
            body = msgspec.msgpack.decode(command.body, type=RegisterPlayer)
            self.hashes[command.aggregate_id.rpartition("/")[2]] = body.secret_hash
            answer = PlayerAnswer(external_id="ann", created_at_ms=1)
            known = self.outcomes[command.command_id] = Outcome(
                command_id=command.command_id,
                fingerprint=command.fingerprint,
                status=201,
                body=msgspec.msgpack.encode(answer),
            )
        return known

    async def player(self, game_id: str, external_id: str) -> PlayerRow:
        assert game_id == GAME.id
        return PlayerRow(external_id=external_id, created_at_ms=1, secret_hash=self.hashes[external_id])


def opened() -> tuple[World, Decider]:
    decider: Any = Decider()
    counter = itertools.count(1)
    world = World(
        writes=[
            lambda services: LiveopsWrites(
                *(services, decider, decider, decider, decider),
                secret=b"s" * 16,
                randomness=lambda size: next(counter).to_bytes(size, "big"),
            )
        ]
    )
    world.directory.put(msgspec.structs.replace(GAME, limits=Limits(sdk_write_per_minute=None)))
    world.directory.keys["lo_live_x"] = Credential(
        key_id="x", kind=KeyKind.SDK_LIVE, studio_id=GAME.studio_id, game_id=GAME.id
    )
    return world, decider


async def register(world: World, key: str, player: str = "ann") -> Any:
    headers = [("authorization", "Bearer lo_live_x"), *([("idempotency-key", key)] if key else [])]
    return await world.call(f"/sdk/v1/players/{player}/register", headers=headers)


@pytest.mark.parametrize("key", [V4, V4.replace("-", ""), V4.upper(), V7, f"register-{V4}"])
async def test_under_a_random_uuid_a_lost_answer_can_be_asked_for_again(key: str) -> None:
    world, decider = opened()
    first, again = await register(world, key), await register(world, key)
    assert (first.status, again.status) == (201, 201)
    assert first.body == again.body
    assert key_hash(first.json()["secret"]) == decider.hashes["ann"]


async def test_a_key_that_the_gateway_made_can_be_sent_back() -> None:
    world, _ = opened()
    first = await register(world, "")
    again = await register(world, first.headers["idempotency-key"])
    assert (again.status, again.body) == (201, first.body)


@pytest.mark.parametrize("key", GUESSED)
async def test_under_a_key_that_can_be_guessed_the_secret_is_shown_once(key: str) -> None:
    world, decider = opened()
    first, again = await register(world, key), await register(world, key)
    assert first.status == 201
    assert key_hash(first.json()["secret"]) == decider.hashes["ann"]
    assert again.status == 409
    assert again.json()["error"]["details"]["reason"] == "secret_shown_once"
    assert "secret" not in again.json()["error"]["details"]
    assert first.json()["secret"].encode() not in again.body


def test_secrets_of_one_command_and_different_requests_differ() -> None:
    made = {player_secret(b"s" * 16, "c", nonce) for nonce in (b"", b"a", b"b")}
    assert len(made) == 3


def test_a_key_with_a_random_uuid_in_it_cannot_be_guessed() -> None:
    for random in (uuid.uuid4() for _ in range(100)):
        for key in (str(random), random.hex, f"register:{random}", f"{random}-1", f"ann/{random}/x"):
            assert unguessable(key, "ann"), key


def test_a_uuid_that_is_cut_or_the_players_own_id_can_be_guessed() -> None:
    random = uuid.uuid4()
    for key in (f"{random}0", f"x{random}", f"reg{random.hex}", str(random)[:-1]):
        assert not unguessable(key, "ann"), key
    for external_id in (str(random), random.hex, f"steam-{random}".upper()):
        for key in (str(random), random.hex, f"register-{random}"):
            assert not unguessable(key, external_id), (key, external_id)
    assert unguessable(f"{random}-{uuid.uuid4()}", str(random))
