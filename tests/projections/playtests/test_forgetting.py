"""A forgotten person in the real ClickHouse: under a pseudonym, in whatever batches, and in a rebuild."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from projections.playtests.forgetting import forget as forget_rows
from projections.playtests.forgetting import without_person
from projections.playtests.table_columns import COLUMNS
from projections.playtests.table_rows import PersonGone
from projections.playtests.tables import PLAYTESTS_TABLES
from schemas.playtests import names, slot_commands
from schemas.playtests.batch_commands import DefineBatch, LinkTester
from schemas.playtests.noun import PLAYTESTS_EVENTS
from tests.projections.dying import Died, Dying
from tests.projections.playtests.parting import PSEUDONYM, WORDS, forget, take_part
from tests.projections.playtests.test_tables import CREDIT, World, opened
from tests.projections.rebuilt import noun_rebuilt
from tests.streams.deciders.playtests.given import DAY_MS, GAME, STUDIO
from tests.streams.deciders.playtests.test_batches import BATCH, SHARE, definition, imported, redeem

pytestmark = pytest.mark.stack
GONE = 'gone "person"'
SUMS = (
    "SELECT sum(amount_cents), count(), uniqExact(number) FROM playtest_ledger FINAL"
    " WHERE playtester_id IN ({gone:String}, {pseudonym:String})"
)
WHOSE: dict[str, str | int | float | list[str] | list[int] | list[float]] = {
    "gone": GONE,
    "pseudonym": PSEUDONYM,
}


async def on_disk(world: World, *words: str) -> dict[str, int]:
    """In how many rows of each table a word is, whatever FINAL shows."""
    found = {}
    for table in COLUMNS:
        for word in words:
            inside = json.dumps(word)[1:-1]
            rows = await world.client.rows(
                f"SELECT countIf(position(formatRow('JSONCompactEachRow', *), {{word:String}}) > 0"
                f" OR position(formatRow('JSONCompactEachRow', *), {{twice:String}}) > 0) FROM {table}",
                {"word": inside, "twice": json.dumps(inside)[1:-1]},
            )
            if rows[0][0]:
                found[f"{table}: {word}"] = rows[0][0]
    return found


def told_anew(world: World) -> None:
    """What the ledgers are to be: theirs is the pseudonym's."""
    theirs = world.older.rows.pop(GONE, {})
    if theirs:
        world.older.rows[PSEUDONYM] = {one: replace(row, reason=None) for one, row in theirs.items()}


async def test_rows_are_the_pseudonyms_without_words_and_sums_are_as_they_were(clickhouse_url: str) -> None:
    async with opened(clickhouse_url) as world:
        reader = await world.reader()
        world.play()
        left = take_part(world, GONE)
        await world.write(reader)
        before = await world.client.rows(SUMS, WHOSE)
        assert {one.partition(":")[0] for one in await on_disk(world, GONE)} == {
            *("playtest_orders", "playtest_slots", "playtest_applications", "playtest_ledger"),
            "playtest_events",
        }
        assert await on_disk(world, WORDS)
        others = await world.client.rows("SELECT count() FROM playtest_events FINAL")

        world.given(forget(GONE))
        await world.write(reader)
        told_anew(world)
        await world.agrees()
        assert await on_disk(world, GONE, WORDS) == {}
        assert await world.client.rows(SUMS, WHOSE) == before
        (counted,) = await world.client.rows("SELECT count() FROM playtest_events FINAL")
        assert counted == [others[0][0] + 2]  # the person's, and the application that is withdrawn
        (slot,) = await world.client.rows(
            "SELECT playtester_id, status, rating, earned_cents, transcript_status, reserved_at IS NOT NULL"
            " FROM playtest_slots FINAL WHERE id = {id:String}",
            {"id": left.rated},
        )
        assert slot == [PSEUDONYM, "accepted", 4, 1000, "approved", 1]
        (rejected,) = await world.client.rows(
            "SELECT status, rejection_reason FROM playtest_slots FINAL WHERE id = {id:String}",
            {"id": left.rejected},
        )
        assert rejected == ["rejected", ""]

        world.at_ms += 8 * DAY_MS
        world.given(slot_commands.BlockDue(slot_id=left.blocked))
        await world.write(reader)
        await world.agrees()
        assert await on_disk(world, GONE, WORDS) == {}
        await is_equal_rebuilt(world, clickhouse_url)


async def is_equal_rebuilt(world: World, clickhouse_url: str) -> None:
    """In other batches, too: a rebuild's are larger."""
    compared = await noun_rebuilt(
        world.client,
        clickhouse_url,
        PLAYTESTS_TABLES,
        partitions=PLAYTESTS_EVENTS.partitions,
        tail=world.log,
        clock_ms=lambda: world.clock_ms,
        verify=True,
    )
    assert compared.different == []


async def test_in_one_batch_with_all_that_it_is_about_it_is_the_same(clickhouse_url: str) -> None:
    async with opened(clickhouse_url) as world:
        reader = await world.reader()
        world.given(CREDIT)
        take_part(world, GONE)
        world.given(forget(GONE))
        await world.write(reader)
        told_anew(world)
        await world.agrees()
        assert await on_disk(world, GONE, WORDS) == {}


async def test_a_devices_link_and_its_keys_handle_are_nowhere(clickhouse_url: str) -> None:
    async with opened(clickhouse_url) as world:
        reader = await world.reader()
        world.given(DefineBatch(definition=definition(redemption_mode="public"), share_token_hash=SHARE))
        world.given(imported("a", "b"))
        for number, name in ((1, "Ann"), (2, "Bob")):
            world.given(redeem(SHARE, name, f"{name}@x"))
            key = world.studio.batches[names.batch_aggregate(STUDIO, GAME, BATCH)].keys[number].state
            claim = f"claim of {name}"
            link = LinkTester(
                batch_id=BATCH, key_id=key.id, claim_token_hash=claim, device_id=f"device {name}"
            )
            world.given(link)
        await world.write(reader)
        assert await on_disk(world, "device Ann")
        world.given(forget("device Ann", "Ann"))
        await world.write(reader)
        assert await on_disk(world, "device Ann", "Ann") == {}
        assert await world.rows("tester_links", "handle", "device_id") == [["Bob", "device Bob"]]
        (told,) = await world.client.rows(
            "SELECT JSONExtractString(data, 'link', 'device_id') FROM playtest_events FINAL"
            " WHERE event = 'playtests.tester-unlinked.v1'"
        )
        assert told == [PSEUDONYM]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_death_at_any_write_is_made_good(clickhouse_url: str, *, after: bool) -> None:
    async with opened(clickhouse_url) as world:
        reader = await world.reader()
        world.given(CREDIT)
        left = take_part(world, GONE)
        await world.write(reader)
        before = await world.client.rows(SUMS, WHOSE)
        gone = PersonGone(STUDIO, GONE, PSEUDONYM, (left.rated, left.rejected, left.blocked))
        client = Dying(clickhouse_url, world.client.database)
        at, died = 0, True
        try:
            while died:
                at += 1
                try:
                    await forget_rows(client.arm(at, after=after), [gone])
                    died = False
                except Died:
                    pass
        finally:
            await client.close()
        assert at > 1
        assert await world.client.rows(SUMS, WHOSE) == before
        found = await on_disk(world, GONE, WORDS)
        assert {one for one in found if "ledger" in one or "events" in one} == set()


def test_an_id_is_replaced_where_it_is_a_persons_and_texts_go() -> None:
    told = {
        "playtester_id": "open",
        "status": "open",
        "reason": "deadline",
        "slot": {"id": "s", "status": "open", "playtester_id": "open"},
        "playtester": {"id": "open", "balance_cents": 5},
        "report": {"reason_code": "crash", "notes": "mine"},
        "rejection": {"reason": "bad"},
        "applications": [["a1", "open", 3], ["a2", "bob", 4]],
        "transcription": {"status": "approved", "key": "t", "key_takeaways": ["x"]},
    }
    assert json.loads(without_person(json.dumps(told), "open", "P")) == {
        "playtester_id": "P",
        "status": "open",
        "reason": "deadline",
        "slot": {"id": "s", "status": "open", "playtester_id": "P"},
        "playtester": {"id": "P", "balance_cents": 5},
        "report": {"reason_code": "crash", "notes": None},
        "rejection": {"reason": None},
        "applications": [["a1", "P", 3], ["a2", "bob", 4]],
        "transcription": {"status": "approved", "key": "", "key_takeaways": []},
    }
