"""What Redis holds of a forgotten person: states and money under a pseudonym, and nothing that they said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from projections.playtests.keys import STORED
from projections.redis.person_keys import PersonKeys
from projections.redis.stores import Store
from schemas.persons import Handle, Person
from schemas.playtests import names, slot_commands
from schemas.playtests.batch_commands import DefineBatch, LinkTester
from schemas.playtests.persons import PERSONAL
from schemas.playtests.views import Rating
from tests.projections.playtests.agreement import CREDIT, agrees
from tests.projections.playtests.parting import PSEUDONYM, WORDS, Parting, forget, take_part
from tests.streams.deciders.playtests.given import DAY_MS, GAME, STUDIO
from tests.streams.deciders.playtests.test_batches import BATCH, SHARE, definition, imported, redeem

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from tests.projections.playtests.support import Projected

pytestmark = pytest.mark.stack
GONE = "gone-person"


async def holding(redis: Redis, word: str) -> set[str]:
    """The names of keys that have a word in them, or hold it; outcomes aside."""
    found = set()
    async for key in redis.scan_iter():
        kind = await redis.type(key)
        held: Any = key
        if kind == b"hash":
            held = key, await redis.hgetall(key)
        elif kind == b"zset":
            held = key, await redis.zrange(key, 0, -1)
        elif kind == b"set":
            held = key, await redis.smembers(key)
        if word in repr(held) and not key.startswith(b"outcome:"):
            found.add(key.decode().split(":", 2)[2])
    return found


async def parted(projected: Projected) -> Parting:
    """Everything has happened, of them and of somebody else; they are forgotten."""
    projected.given(CREDIT)
    left = take_part(projected, GONE)
    bob = projected.accepted("bob")
    await agrees(projected)
    before = await projected.queries.slot(bob)
    assert await holding(projected.redis, GONE)
    assert await holding(projected.redis, WORDS)
    projected.given(forget(GONE))
    await agrees(projected)
    assert await projected.queries.slot(bob) == before
    return left


async def test_nothing_has_their_id_or_words_and_a_rebuild_says_the_same(projected: Projected) -> None:
    left = await parted(projected)

    async def is_nowhere() -> None:
        for word in (GONE, WORDS):
            assert await holding(projected.redis, word) == set()

    await is_nowhere()
    projected.at_ms += 8 * DAY_MS
    projected.given(slot_commands.BlockDue(slot_id=left.blocked))
    projected.given(forget(GONE))
    await agrees(projected)
    await is_nowhere()
    assert (await projected.rebuilt(verify=True)).different == []
    assert (await projected.rebuilt(verify=False)).swapped
    await agrees(projected)
    await is_nowhere()


async def test_slots_and_applications_are_the_pseudonyms(projected: Projected) -> None:
    left = await parted(projected)
    queries = projected.queries
    found = await queries.slot(left.rated)
    assert found is not None
    assert (found.status, found.playtester_id, found.rating) == ("accepted", PSEUDONYM, Rating(score=4))
    assert (found.submission, found.public_key) == (None, "")
    assert found.transcription is not None
    assert (found.transcription.status, found.transcription.key) == ("approved", "")
    told = [await queries.application(one) for one in (left.pending, left.refused)]
    assert [
        (one.playtester_id, one.status, one.qualifications_response) for one in told if one is not None
    ] == [(PSEUDONYM, "withdrawn", ""), (PSEUDONYM, "rejected", "")]
    row = await queries.order(left.targeted)
    assert row is not None
    assert row.order.targeted_playtester_id == PSEUDONYM
    assert await queries.forgotten(STUDIO) == {PSEUDONYM}


async def test_money_is_owed_to_the_pseudonym_and_the_id_reads_as_one_that_is_not_there(
    projected: Projected,
) -> None:
    await parted(projected)
    queries = projected.queries
    panel = await queries.playtesters(STUDIO, [GONE, PSEUDONYM])
    assert {one: (known.balance_cents, known.display_name) for one, known in panel.items()} == {
        PSEUDONYM: (600, None)
    }
    assert dict(await queries.owed(STUDIO, 10)) == {PSEUDONYM: 600, "bob": 1000}
    assert sorted(
        (one.playtester_id, one.amount_cents, one.status, one.external_id, one.reason)
        for one in await queries.payouts(STUDIO, limit=10)
    ) == [(PSEUDONYM, 100, "failed", None, None), (PSEUDONYM, 400, "sent", None, None)]
    assert await queries.playtester_slots(STUDIO, GONE, limit=10) == []
    assert await queries.playtester_applications(STUDIO, GONE, limit=10) == []
    assert await queries.earnings(STUDIO, GONE, limit=10) == []
    assert await queries.notices(STUDIO, GONE, limit=10) == []


async def test_keys_and_links_of_a_device_are_nobodys(projected: Projected) -> None:
    projected.given(DefineBatch(definition=definition(redemption_mode="public"), share_token_hash=SHARE))
    projected.given(imported("a", "b"))
    for number, name in ((1, "Ann"), (2, "Bob")):
        projected.given(redeem(SHARE, name, f"{name}@x", country="DE"))
        batch = projected.studio.batches[names.batch_aggregate(STUDIO, GAME, BATCH)]
        link = LinkTester(
            batch_id=BATCH,
            key_id=batch.keys[number].state.id,
            claim_token_hash=f"claim of {name}",
            device_id=f"device-{name}",
        )
        projected.given(link)
    await projected.apply()
    person = Person(studio_id=STUDIO, games=(GAME,), id="device-Ann", handles=(Handle(GAME, "Ann"),))

    async def found() -> list[str]:
        keys = PersonKeys(Store(projected.redis, STORED))
        return [one.key for key in PERSONAL.keys async for one in keys.held(key, person)]

    assert len(await found()) == 2
    projected.given(forget("device-Ann", "Ann"))
    await projected.apply()
    assert await found() == []
    for word in ("device-Ann", "sealed Ann@x", r"\xa3Ann"):
        assert await holding(projected.redis, word) == set()
    assert await holding(projected.redis, "device-Bob")
    assert (await projected.rebuilt(verify=True)).different == []
