"""`questlog rebuild clickhouse` beside a running stack that goes on working."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Final

import pytest

from tests.outside.batches import BatchStudio
from tests.outside.players import SdkPlayer
from tests.outside.projects import Project
from tests.outside.world import Json, World, eventually, gameplay, questlog
from tests.stack import QuestlogStack

pytestmark = pytest.mark.stack

FILLED: Final = ("telemetry", "liveops.events", "playtests.events", "fleet.events")
"""Topics whose tables have rows here."""


def verified(stack: QuestlogStack) -> dict[str, dict[str, Any]]:
    """What a verification says of each topic's tables."""
    said = json.loads(questlog(stack, "rebuild", "clickhouse", "--verify", "--json"))
    return {one["topic"]: one for one in said}


class Linked:
    """A device whose sessions began before a handle was linked to it, and after; the first goes on since."""

    def __init__(self, studio: BatchStudio) -> None:
        self.studio = studio
        studio.keys("mint", "arena", "ptb_open", "1")
        began = int(time.time() * 1000) - 60_000
        studio.play("sess_before", "d1", began, began + 10_000)
        since = studio.linked("Dora", "d1")["claimedAt"]
        studio.play("sess_before", "d1", since + 20_000)
        studio.play("sess_after", "d1", since, since + 5_000)

    def seen(self) -> tuple[dict[str, str], list[Json]]:
        """The handle of each session, and what `/handles` adds up."""
        listed = self.studio.get("/sessions", game="arena")["items"]
        handles = self.studio.get("/handles/arena")["handles"]
        return {one["id"]: one["testerHandle"] for one in listed}, handles

    def whole(self, seen: tuple[dict[str, str], list[Json]]) -> bool:
        handles, rows = seen
        return handles == {"sess_before": "d1", "sess_after": "Dora"} and [
            (row["handle"], row["session_count"], row["total_play_time_ms"]) for row in rows
        ] == [("Dora", 1, 5_000)]


def test_what_is_built_again_is_equal_and_takes_the_place_of_what_was(
    world: World, project: Project, questlog_stack: QuestlogStack, tmp_path: Path
) -> None:
    linked = Linked(BatchStudio(world, questlog_stack, tmp_path))
    seen = eventually(linked.seen, linked.whole)
    player = SdkPlayer(world)
    player.credit(7)
    assert world.send([gameplay(world.game("relay")["id"])]).status_code == 200
    assert project.ok("POST", "/v3/builds/upload-url?name=rebuilt", status=201)
    before = verified(questlog_stack)
    assert [topic for topic, one in before.items() if one["different"]] == []
    questlog(questlog_stack, "rebuild", "clickhouse")
    assert player.server("wallet/gold/credit", {"amount": 1}).status_code == 200
    assert json.loads(questlog(questlog_stack, "rebuild", "insights", "--json"))[0]["sessions"] == 0
    after = verified(questlog_stack)
    assert [topic for topic, one in after.items() if one["different"]] == []
    for topic in FILLED:
        assert after[topic]["records"] >= before[topic]["records"] > 0
    query = "SELECT amount FROM liveops_ledger FINAL WHERE external_id = {player:String} ORDER BY number"
    amounts = eventually(
        lambda: [int(row["amount"]) for row in world.rows(query, player=player.external_id)],
        lambda found: len(found) == 2,
    )
    assert amounts == [7, 1]
    assert eventually(linked.seen, linked.whole) == seen
