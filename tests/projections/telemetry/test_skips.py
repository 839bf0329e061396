"""A record that the projector can't take in, on a real ClickHouse: named, skipped by decision, replayed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from projections.clickhouse.client import ClickHouse
from projections.clickhouse.positions import StoredPosition
from projections.telemetry.failing_requests import one_of
from projections.telemetry.rows import Rows
from projections.telemetry.session_store import SessionStore
from projections.telemetry.skip_store import SkipNeedsRebuild, SkipsChanged
from projections.telemetry.stores import Stores
from schemas.dead_letters import decode_dead_letter
from schemas.log import RecordFailed
from schemas.telemetry.record import EntryKind, decode_record
from schemas.telemetry.skips import SkipDecision, Skips, content_hash, encode_skip, list_skip
from tests.projections.telemetry.dying import deaths
from tests.projections.telemetry.projecting import apply, contents, drop, fresh, one, reader
from tests.projections.telemetry.support import (
    MINUTE,
    START_MS,
    MemoryLog,
    entry,
    funnel,
    gameplay,
    player,
    s1,
    s4,
    trajectory,
)
from tests.projections.telemetry.test_rebuild import run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MARK = "Poison"
POISON = 4
"""Offset of the poison record."""


class Defect(Exception):
    """What a defect of this code raises."""


def poison_log(*, poison: bool = True) -> MemoryLog:
    """Batches of two records; in the middle of one a record whose second of three requests is poison."""
    log = MemoryLog()
    for number in range(9):
        at_ms = START_MS + number * 500
        requests = [
            s4(gameplay(at_ms, session="a"), trajectory(at_ms, at_ms + 900, 3, session="a")),
            s1("b", {"name": "step", "t": at_ms, "seq": number}, title=f"t{number}"),
        ]
        if number == POISON and poison:
            requests.insert(
                1,
                s4(
                    gameplay(at_ms, session="a"),
                    gameplay(at_ms + 1, MARK, session="a", custom_data={"n": 1}),
                    trajectory(at_ms, at_ms + 900, 2, session="only-there"),
                    funnel(at_ms, session="only-there"),
                ),
            )
        log.put(*requests, at_ms=at_ms)
    return log


def decision(log: MemoryLog, index: int | None = 1, offset: int = POISON, **more: Any) -> SkipDecision:
    fields: dict[str, Any] = {
        "log_id": "log-1",
        "partition": 0,
        "offset": offset,
        "index": index,
        "sha256": content_hash(log.records[0][offset].value),
        "reason": "rows raise Defect",
        "decided_at_ms": START_MS,
    }
    return SkipDecision(**(fields | more))


async def decide(log: MemoryLog, one: SkipDecision, *, listed: bool = True) -> None:
    log.put(entry(EntryKind.RECORD_SKIPPED, encode_skip(one), items=0, game=""))
    if listed:
        await list_skip(log, one)


def expected_log(log: MemoryLog) -> MemoryLog:
    """The same log in which the poison request was never sent; the places of what follows it stay."""
    clean = MemoryLog()
    for record in log.records[0]:
        entries = decode_record(record.value).entries
        if record.offset == POISON:
            entries = [entries[0], entry("unknown.v1", b"", items=entries[1].item_count), *entries[2:]]
        clean.put(*entries, at_ms=record.appended_at_ms)
    return clean


def defective_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are built column by column; the marked item makes that raise."""
    build = Rows._add_gameplay

    def raising(self: Rows, origin: Any, items: Any, indices: Any) -> None:
        if any(item.event_name == MARK for item in items):
            raise Defect(MARK)
        build(self, origin, items, indices)

    monkeypatch.setattr(Rows, "_add_gameplay", raising)


def defective_insert(monkeypatch: pytest.MonkeyPatch, table: str) -> None:
    """ClickHouse refuses a table's rows where the marked item is among them."""
    insert = Stores.insert_facts

    async def raising(self: Stores, name: str, columns: Any, body: bytes, **more: Any) -> None:
        if name == table and b"only-there" in body:
            raise Defect(name)
        await insert(self, name, columns, body, **more)

    monkeypatch.setattr(Stores, "insert_facts", raising)


def defective_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sessions' rows are refused, after all facts were written."""
    write = SessionStore.write

    async def raising(self: SessionStore, parts: Any, token: str) -> None:
        if any(MARK in part.event_counts for part in parts):
            raise Defect(MARK)
        await write(self, parts, token)

    monkeypatch.setattr(SessionStore, "write", raising)


def defective_player(monkeypatch: pytest.MonkeyPatch) -> None:
    defective_insert(monkeypatch, "performance")


DEFECTS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "rows": defective_rows,
    "performance": defective_player,
    "sessions": defective_sessions,
}


async def failure(client: ClickHouse, log: MemoryLog) -> RecordFailed:
    with pytest.raises(RecordFailed) as raised:
        await apply(client, log)
    return raised.value


@pytest.mark.stack
@pytest.mark.parametrize("defect", DEFECTS)
async def test_a_poison_request_is_named_skipped_and_replayed_once(
    database: ClickHouse, clickhouse_url: str, monkeypatch: pytest.MonkeyPatch, defect: str
) -> None:
    log = poison_log()
    with monkeypatch.context() as defective:
        DEFECTS[defect](defective)
        for _ in range(2):
            found = await failure(database, log)
            assert (found.partition, found.first, found.last, found.index) == (0, POISON, POISON, 1)
        await decide(log, decision(log))
        await apply(database, log)
        now = await contents(database)
        assert await database.rows("SHOW TABLES LIKE 'rehearsal%'") == []
        verified = await run(database, clickhouse_url, log, verify=True)
        assert (verified.different, verified.live["log_skips"].rows) == ([], 1)
    clean = await fresh(clickhouse_url)
    await apply(clean, expected_log(log))
    assert now == await contents(clean)
    (letter,) = {value: decode_dead_letter(value) for value in log.dead}.values()
    assert (letter.id, letter.reason) == ("telemetry-0-4-1", "skipped")
    poison = decode_record(log.records[0][POISON].value).entries[1]
    assert letter.body == poison.body
    # The release that mends it: a rebuild still skips, and the replay counts once.
    assert (await run(database, clickhouse_url, log, verify=True)).different == []
    log.put(poison, at_ms=log.now_ms + 5_000)
    await apply(database, log)
    assert await one(database, f"SELECT count() FROM events WHERE event_name = '{MARK}'") == 1
    assert (await run(database, clickhouse_url, log, verify=True)).different == []
    await drop(clean)


@pytest.mark.stack
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("defect", ["performance", "sessions"])
async def test_a_crash_at_any_write_of_the_batch_that_skips_changes_nothing(
    clickhouse_url: str,
    monkeypatch: pytest.MonkeyPatch,
    defect: str,
    after: bool,  # noqa: FBT001 - pytest gives parameters by name
) -> None:
    log = poison_log()
    client = await fresh(clickhouse_url)
    DEFECTS[defect](monkeypatch)
    await failure(client, log)
    await decide(log, decision(log))
    steps = (0, 0, 1, 1, 2, 3, 4, 5, 6, 8, 200)
    assert await deaths(clickhouse_url, client.database, log, steps, after=after) >= 5
    clean = await fresh(clickhouse_url)
    await apply(clean, expected_log(log))
    assert await contents(client) == await contents(clean)
    await drop(clean)
    await drop(client)


@pytest.mark.stack
async def test_a_whole_record_is_skipped_where_its_requests_are_not_told_apart(
    database: ClickHouse, clickhouse_url: str
) -> None:
    log = poison_log()
    await decide(log, decision(log, None))
    await apply(database, log)
    assert await one(database, f"SELECT count() FROM events WHERE _offset = {POISON}") == 0
    assert await one(database, "SELECT uniqExact(_offset) FROM events") == 8
    (letter,) = map(decode_dead_letter, log.dead)
    assert (letter.id, letter.body) == ("telemetry-0-4", log.records[0][POISON].value)
    assert (await run(database, clickhouse_url, log, verify=True)).different == []


@pytest.mark.stack
async def test_a_decision_skips_no_other_record_and_no_other_log(database: ClickHouse) -> None:
    log = poison_log()
    await decide(log, decision(log, sha256=content_hash(b"another")))
    await decide(log, decision(log, log_id="another log"))
    await apply(database, log)
    assert await one(database, f"SELECT count() FROM events WHERE event_name = '{MARK}'") == 1
    assert await one(database.system, "SELECT count() FROM log_skips") == 0


@pytest.mark.stack
async def test_a_decision_that_is_met_before_it_is_listed_starts_the_worker_again(
    database: ClickHouse, clickhouse_url: str
) -> None:
    """The operator's process died between its two records; the projector has not written the record yet."""
    log = poison_log()
    log.records[0] = log.records[0][: POISON + 1]
    log.now_ms = log.records[0][POISON].appended_at_ms
    await decide(log, decision(log), listed=False)
    with pytest.raises(SkipsChanged):
        await apply(database, log)
    assert await one(database, f"SELECT count() FROM events WHERE _offset = {POISON}") == 0
    await apply(database, log)
    assert await one(database, f"SELECT count() FROM events WHERE event_name = '{MARK}'") == 0
    assert (await run(database, clickhouse_url, log, verify=True)).different == []


@pytest.mark.stack
async def test_a_decision_about_what_is_in_the_tables_stops_the_worker_and_a_rebuild_honours_it(
    database: ClickHouse, clickhouse_url: str
) -> None:
    log = poison_log()
    await apply(database, log)
    await decide(log, decision(log), listed=False)
    for _ in range(2):
        with pytest.raises(SkipNeedsRebuild, match="questlog rebuild clickhouse"):
            await apply(database, log)
    assert (await run(database, clickhouse_url, log)).swapped
    await apply(database, log)
    assert await one(database, f"SELECT count() FROM events WHERE event_name = '{MARK}'") == 0
    assert (await run(database, clickhouse_url, log, verify=True)).different == []


@pytest.mark.stack
@pytest.mark.parametrize("stored", ["sessions", "players"])
async def test_what_a_failed_try_can_not_take_back_needs_a_rebuild(
    database: ClickHouse, clickhouse_url: str, monkeypatch: pytest.MonkeyPatch, stored: str
) -> None:
    """The record is part of a session already, or has replaced a player's row, when it fails."""
    log = poison_log()
    requests = decode_record(log.records[0][POISON].value).entries
    again = MemoryLog()
    for record in log.records[0]:
        if record.offset == POISON:
            again.put(requests[0], s4(player(record.appended_at_ms), gameplay(START_MS, MARK, session="c")))
        else:
            again.put(*decode_record(record.value).entries, at_ms=record.appended_at_ms)
    with monkeypatch.context() as defective:
        if stored == "players":
            defective_sessions(defective)
        else:
            write = Stores.write_position

            async def refuse(self: Stores, stored: StoredPosition) -> None:
                if stored.position.offset > POISON:
                    raise Defect("position")
                await write(self, stored)

            defective.setattr(Stores, "write_position", refuse)
        with pytest.raises(RecordFailed):
            await apply(database, again)
    await decide(again, decision(again))
    with pytest.raises(SkipNeedsRebuild):
        await apply(database, again)
    assert (await run(database, clickhouse_url, again)).swapped
    await apply(database, again)
    assert await one(database, f"SELECT count() FROM events WHERE event_name = '{MARK}'") == 0
    assert (await run(database, clickhouse_url, again, verify=True)).different == []


@pytest.mark.stack
async def test_a_decision_while_the_topic_is_held_is_honoured_by_whoever_waited(
    database: ClickHouse,
) -> None:
    """A worker that could take the record in waits, and the decision comes meanwhile: it starts again."""
    log = poison_log()
    worker = reader(database, log)
    await worker.assigned(0)

    async def sleep(_seconds: float) -> None:
        await decide(log, decision(log))
        await worker._positions.hold("me", 0, 2)

    worker._sleep = sleep
    await worker._positions.hold("me", log.now_ms + MINUTE, 1)
    for record in log.records[0][:2]:
        await worker.handle(record)
    with pytest.raises(SkipsChanged):
        await worker.handle(log.records[0][2])
    assert await one(database, "SELECT count() FROM events") == 0


@pytest.mark.stack
async def test_a_rebuild_during_which_a_skip_is_decided_swaps_nothing(
    database: ClickHouse, clickhouse_url: str
) -> None:
    log = poison_log()
    shorter = MemoryLog()
    shorter.records[0] = log.records[0][:POISON]
    await apply(database, shorter)
    deciding = [decision(log, offset=POISON + 1)]

    async def sleep(_seconds: float) -> None:
        if deciding:
            await list_skip(log, deciding.pop())

    with pytest.raises(SkipsChanged):
        await run(database, clickhouse_url, log, sleep=sleep)


@pytest.mark.parametrize("bad", [(), (0,), (6,), (3, 4), (2, 9)])
async def test_the_culprit_is_found_by_halves(bad: tuple[int, ...]) -> None:
    items = [(0, index) for index in range(10)]
    asked = 0

    async def fails(some: Sequence[tuple[int, int | None]]) -> bool:
        nonlocal asked
        asked += 1
        return any((0, index) in some for index in bad)

    found = await one_of(items, fails)
    assert found is None if not bad else found is not None and found[1] in bad
    assert asked <= 9


async def test_what_fails_only_together_has_no_culprit() -> None:
    async def fails(some: Sequence[tuple[int, int | None]]) -> bool:
        return len(some) > 4

    assert await one_of([(0, index) for index in range(8)], fails) is None


def test_a_skip_is_of_one_content() -> None:
    log = poison_log()
    record = log.records[0][POISON]
    skips = Skips([decision(log), decision(log)])
    assert set(skips.of(record)) == {1}
    assert skips.of(msgspec.structs.replace(record, value=b"another")) == {}
    assert skips.of(log.records[0][0]) == {}
