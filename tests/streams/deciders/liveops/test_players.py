# ruff: noqa: S105, S106 - they look like secrets and are hashes of none
from __future__ import annotations

from schemas.liveops.commands import CreditWallet, RegisterPlayer, RotatePlayerSecret
from schemas.liveops.events import PlayerRegistered, PlayerSecretRotated
from tests.streams.deciders.liveops.given import AT_MS, Liveops, kinds, only


def test_a_first_registration_makes_the_player() -> None:
    world = Liveops()
    events = world.given(RegisterPlayer(secret_hash="h1"))
    assert kinds(events) == ["PlayerCreated", "PlayerRegistered"]
    assert only(PlayerRegistered, events).created_at_ms == AT_MS
    assert world.player().secret_hash == "h1"


def test_a_second_registration_is_refused_unless_forced() -> None:
    world = Liveops()
    world.given(RegisterPlayer(secret_hash="h1"))
    assert world.refusal(RegisterPlayer(secret_hash="h2")) == (409, "already_registered")
    forced = only(PlayerRegistered, world.given(RegisterPlayer(secret_hash="h2", force=True)))
    assert (forced.secret_hash, forced.previous_secret_hash, forced.created_at_ms) == ("h2", "h1", AT_MS)


def test_a_player_known_from_elsewhere_registers_without_being_made_again() -> None:
    world = Liveops()
    world.given(CreditWallet(economy_key="gold", amount=5))
    world.at_ms += 1000
    events = world.given(RegisterPlayer(secret_hash="h1"))
    assert kinds(events) == ["PlayerRegistered"]
    assert only(PlayerRegistered, events).created_at_ms == AT_MS


def test_a_secret_is_rotated_only_where_there_is_one() -> None:
    world = Liveops()
    assert world.refusal(RotatePlayerSecret(secret_hash="h2")) == (404, "not_found")
    world.start()
    assert world.refusal(RotatePlayerSecret(secret_hash="h2")) == (404, "not_found")
    world.given(RegisterPlayer(secret_hash="h1"))
    rotated = only(PlayerSecretRotated, world.given(RotatePlayerSecret(secret_hash="h2")))
    assert (rotated.secret_hash, rotated.previous_secret_hash) == ("h2", "h1")
    assert world.player().secret_hash == "h2"
