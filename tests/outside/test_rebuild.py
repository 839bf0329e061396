"""`questlog rebuild clickhouse` beside a running stack that goes on working."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from tests.outside.players import SdkPlayer
from tests.outside.world import World, eventually, gameplay, questlog
from tests.stack import QuestlogStack

pytestmark = pytest.mark.stack

EQUAL: Final[dict[str, list[str]]] = {"telemetry": [], "liveops": [], "playtests": []}


def verified(stack: QuestlogStack) -> dict[str, dict[str, Any]]:
    """What a verification says of each noun."""
    said = json.loads(questlog(stack, "rebuild", "clickhouse", "--verify", "--json"))
    return {one["noun"]: one for one in said}


def test_what_is_built_again_is_equal_and_takes_the_place_of_what_was(
    world: World, questlog_stack: QuestlogStack
) -> None:
    player = SdkPlayer(world)
    player.credit(7)
    assert world.send([gameplay(world.game("relay")["id"])]).status_code == 200
    before = verified(questlog_stack)
    assert {noun: one["different"] for noun, one in before.items()} == EQUAL
    questlog(questlog_stack, "rebuild", "clickhouse")
    assert player.server("wallet/gold/credit", {"amount": 1}).status_code == 200
    assert json.loads(questlog(questlog_stack, "rebuild", "insights", "--json"))[0]["sessions"] == 0
    after = verified(questlog_stack)
    assert {noun: one["different"] for noun, one in after.items()} == EQUAL
    for noun, one in after.items():
        assert one["records"] >= before[noun]["records"] > 0
    query = "SELECT amount FROM liveops_ledger FINAL WHERE external_id = {player:String} ORDER BY number"
    amounts = eventually(
        lambda: [int(row["amount"]) for row in world.rows(query, player=player.external_id)],
        lambda found: len(found) == 2,
    )
    assert amounts == [7, 1]
