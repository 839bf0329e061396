"""S2 under many clients at once: one slot and a whole panel, pages of what comes and changes meanwhile."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from deploy.cli import running_stack
from deploy.lab.drill.playtests_world import Side, make_sides
from tests import plain_http
from tests.outside.playtests import Owner, Playtester
from tests.outside.world import World, unique

if TYPE_CHECKING:
    from tests.stack import QuestlogStack

pytestmark = pytest.mark.stack
PANEL = 300
AT_ONCE = 128


@pytest.fixture(scope="module")
def side(questlog_stack: QuestlogStack) -> Side:
    """A studio of its own with a panel."""
    configured = running_stack.of_home(questlog_stack.home)
    (made,) = asyncio.run(make_sides(configured, unique("races-"), studios=1, owners=1, panel=PANEL))
    return made


@pytest.fixture(scope="module")
def owner(world: World, side: Side) -> Owner:
    return Owner(world, side.owner.key)


async def test_of_a_whole_panel_one_gets_the_slot_and_everybody_is_answered(
    owner: Owner, side: Side, world: World
) -> None:
    order = owner.order("first", quantity=1)
    path = f"/api/v1/playtests/{order['id']}/claim"
    limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE)
    async with plain_http.async_client(base_url=world.demo["base_url"], limits=limits, timeout=60) as http:

        async def claim(key: str) -> httpx.Response:
            headers = {"authorization": f"Bearer {key}", "idempotency-key": f"claim {key[-8:]}"}
            return await http.post(path, headers=headers)

        answers = await asyncio.gather(*(claim(who.key) for who in side.panel))
        assert Counter(answer.status_code for answer in answers) == {201: 1, 409: PANEL - 1}
        losers = [answer.json()["error"] for answer in answers if answer.status_code == 409]
        assert {error["reason"] for error in losers} == {"no_open_slot"}
        winner = next(number for number, answer in enumerate(answers) if answer.status_code == 201)
        again = await claim(side.panel[winner].key)
        assert again.status_code == 201
        assert _data(again) == _data(answers[winner])
    (slot,) = owner.slots(order["id"])
    assert (slot["status"], slot["playtester"]["id"]) == ("reserved", side.panel[winner].playtester_id)


def _data(answer: httpx.Response) -> bytes:
    return answer.content[: answer.content.rindex(b',"meta":')]


def test_pages_of_a_status_hold_each_row_once_while_rows_come_and_leave(
    owner: Owner, side: Side, world: World
) -> None:
    orders = [owner.order("second", quantity=4) for _ in range(6)]
    before = {slot["id"] for order in orders for slot in owner.slots(order["id"])}
    seen: list[str] = []
    left: set[str] = set()
    cursor, more, page = "", True, 0
    while more:
        answer = owner.call("GET", f"/playtests/submissions?status=open&limit=5{cursor}").json()
        rows: list[Any] = answer["data"]["submissions"]
        assert all(row["slot"]["status"] == "open" for row in rows)
        seen += [row["slot"]["id"] for row in rows]
        more, cursor = answer["meta"]["hasMore"], f"&cursor={answer['meta'].get('cursor')}"
        who = side.panel[page]
        for order in orders:  # one leaves each order, wherever the page stands, and others come
            player = Playtester(world, who.key, who.playtester_id)
            if page < 2:
                left.add(player.claim(order["id"])["id"])
        owner.order("second", quantity=2)
        page += 1
        assert page < 20
    assert len(seen) == len(set(seen))
    assert set(seen) <= before
    assert before - left <= set(seen)
