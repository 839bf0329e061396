from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from schemas.liveops.commands import ClaimGrant, CreditWallet, GiveGrant, GiveRankReward, OpenCrate
from schemas.liveops.crates import roll
from schemas.liveops.events import (
    ClaimRepeated,
    CrateOpened,
    GrantClaimed,
    GrantCreated,
    InventoryChanged,
    OpenRepeated,
    WalletChanged,
)
from schemas.liveops.names import grant_id
from schemas.liveops.views import INT64_MAX, CrateRow, GrantEntry
from streams.deciders.liveops.noun import LIVEOPS
from tests.streams.deciders.liveops.given import AT_MS, Liveops, kinds, only, seed

GOLD = GrantEntry(type="currency", key="gold", quantity=50)
MEDKIT = GrantEntry(type="item", key="medkit", quantity=2)
TABLE = [CrateRow(weight=1.0, entries=[GOLD]), CrateRow(weight=1.0, entries=[MEDKIT, GOLD])]


def given_grant(world: Liveops, **more: Any) -> str:
    more = more or {"entries": [GOLD, MEDKIT]}
    return only(GrantCreated, world.given(GiveGrant(**more))).grant.id


def rank_reward(**more: Any) -> GiveRankReward:
    fields: dict[str, Any] = {
        "event_key": "frags",
        "window_id": "w_0_1",
        "board_id": "lb_1",
        "rank": 2,
        "trigger": "rank <= 3",
        "ordinal": 0,
        "table_version": "1:ab",
        "entries": [GOLD],
    } | more
    return GiveRankReward(**fields)


def test_a_claim_moves_every_entry_once() -> None:
    world = Liveops()
    identifier = given_grant(world)
    world.at_ms += 9
    events = world.given(ClaimGrant(grant_id=identifier))
    assert kinds(events) == ["GrantClaimed", "WalletChanged", "InventoryChanged"]
    claimed = only(GrantClaimed, events).grant
    assert (claimed.status, claimed.acked_by, claimed.claimed_at_ms) == ("claimed", "sdk", AT_MS + 9)
    row = only(WalletChanged, events).movement
    assert (row.amount, row.cause, row.grant_id, row.number) == (50, "claim", identifier, 1)
    assert only(InventoryChanged, events).movement.number == 2
    again = world.given(ClaimGrant(grant_id=identifier, acked_by="server"))
    assert again == [ClaimRepeated(game_id="game_1", external_id="ann", grant=claimed)]
    assert world.player().wallet["gold"].quantity == 50


def test_a_grant_with_one_key_twice_adds_up() -> None:
    world = Liveops()
    world.given(ClaimGrant(grant_id=given_grant(world, entries=[GOLD, GOLD])))
    assert world.player().wallet["gold"].quantity == 100


def test_where_the_studio_keeps_inventories_only_currencies_move() -> None:
    world = Liveops()
    events = world.given(ClaimGrant(grant_id=given_grant(world), inventory_mode="studio"))
    assert kinds(events) == ["GrantClaimed", "WalletChanged"]


def test_a_claim_beyond_64_bits_is_refused_whole() -> None:
    world = Liveops()
    world.given(CreditWallet(economy_key="gold", amount=INT64_MAX - 49))
    assert world.refusal(ClaimGrant(grant_id=given_grant(world))) == (409, "balance_limit")


def test_anothers_grant_is_not_found() -> None:
    world = Liveops()
    identifier = given_grant(world)
    world.given(CreditWallet(economy_key="gold", amount=1), "bob")
    for command in (ClaimGrant(grant_id=identifier), OpenCrate(grant_id=identifier)):
        assert world.refusal(command, "bob") == (404, "not_found")
        assert world.refusal(command, "nobody") == (404, "not_found")


def test_a_crate_is_rolled_once_by_the_first_commands_seed() -> None:
    world = Liveops()
    identifier = given_grant(world, table=TABLE)
    events = world.given(OpenCrate(grant_id=identifier))
    opened = only(CrateOpened, events)
    contents = opened.contents
    row = roll(TABLE, seed(f"c{world.count}"), identifier)
    assert (contents.entries, contents.parent_grant_id) == (TABLE[row].entries, identifier)
    assert (contents.id, contents.status) == (grant_id(identifier, "ann", "crate"), "pending")
    assert contents.roll is not None
    assert (contents.roll.row, contents.roll.seed) == (row, seed(f"c{world.count}").hex())
    assert (opened.crate.status, opened.crate.entries, opened.crate.table) == ("claimed", [], [])
    again = only(OpenRepeated, world.given(OpenCrate(grant_id=identifier)))
    assert (again.crate, again.contents) == (opened.crate, contents)


def test_what_came_out_of_a_crate_says_so_in_the_ledger() -> None:
    world = Liveops()
    opened = only(CrateOpened, world.given(OpenCrate(grant_id=given_grant(world, table=TABLE[:1]))))
    row = only(WalletChanged, world.given(ClaimGrant(grant_id=opened.contents.id))).movement
    assert opened.contents.roll is not None
    assert (row.table_version, row.seed) == (opened.contents.roll.table_version, opened.contents.roll.seed)
    assert row.table_version.startswith("server:")
    claimed = only(OpenRepeated, world.given(OpenCrate(grant_id=opened.crate.id))).contents
    assert claimed.status == "claimed"


def test_crates_are_opened_and_rewards_are_claimed() -> None:
    world = Liveops()
    crate, reward = given_grant(world, table=TABLE), given_grant(world)
    assert world.refusal(ClaimGrant(grant_id=crate)) == (409, "crate")
    assert world.refusal(OpenCrate(grant_id=reward)) == (409, "reward")
    world.given(OpenCrate(grant_id=crate))
    assert world.refusal(ClaimGrant(grant_id=crate)) == (409, "crate")


@pytest.mark.parametrize("table", [[], TABLE])
def test_an_expired_grant_is_refused_a_claimed_one_is_not(table: list[CrateRow]) -> None:
    world = Liveops()
    more: dict[str, Any] = {"table": table} if table else {"entries": [GOLD]}
    first, second = (given_grant(world, **more, expires_at_ms=AT_MS + 1000) for _ in range(2))
    command = OpenCrate if table else ClaimGrant
    world.given(command(grant_id=first))
    world.at_ms += 1000
    assert world.refusal(command(grant_id=second)) == (409, "expired")
    assert kinds(world.given(command(grant_id=first))) == ["OpenRepeated" if table else "ClaimRepeated"]


def test_a_servers_grant_holds_entries_or_a_crate_of_what_is_known() -> None:
    world = Liveops()
    assert world.refusal(GiveGrant()) == (400, "validation_failed")
    assert world.refusal(GiveGrant(entries=[GOLD], table=TABLE)) == (400, "validation_failed")
    assert world.refusal(GiveGrant(entries=[GOLD], unknown_key="gold")) == (409, "unknown_key")
    assert world.refusal(GiveGrant(entries=[GOLD], expires_at_ms=AT_MS)) == (400, "validation_failed")


def test_two_grants_of_a_server_are_two() -> None:
    world = Liveops()
    assert given_grant(world) != given_grant(world)


def test_a_key_that_was_forgotten_gives_another_grant_and_leaves_the_first_claimed() -> None:
    world = Liveops()
    first = given_grant(world)
    assert first == grant_id("c1", "ann", "server")
    world.given(ClaimGrant(grant_id=first))
    again = dataclasses.replace(world.request(GiveGrant(entries=[GOLD])), command_id="c1")
    verdict = LIVEOPS.decide(world.state, again)
    assert isinstance(verdict, tuple)
    assert only(GrantCreated, list(verdict)).grant.id != first


def test_a_rank_is_rewarded_once_for_life() -> None:
    world = Liveops()
    grant = only(GrantCreated, world.given(rank_reward())).grant
    assert grant.id == grant_id("lb_1", "ann", "rank <= 3")
    assert (grant.rank, grant.board_id, grant.event_key) == (2, "lb_1", "frags")
    assert world.when(rank_reward()) == ()
    world.given(ClaimGrant(grant_id=grant.id))
    world.at_ms += 10**12
    assert world.when(rank_reward(rank=1)) == ()
    assert kinds(world.given(rank_reward(ordinal=1))) == ["GrantCreated"]
    assert kinds(world.given(rank_reward(board_id="lb_2", entries=[], table=TABLE))) == ["GrantCreated"]
