"""A person is forgotten in telemetry, on a real ClickHouse: what goes, what stays; a rebuild agrees."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import msgpack
import pytest

from schemas.persons import Handle
from schemas.seal import Sealer
from schemas.telemetry.forgetting import PersonForgotten, forgetting_record, person_forgotten
from schemas.telemetry.record import EntryKind
from tests.projections.telemetry.dying import Dies, DyingClickHouse
from tests.projections.telemetry.projecting import apply, contents, drop, fresh
from tests.projections.telemetry.support import (
    GAME,
    MINUTE,
    SECOND,
    START_MS,
    STUDIO,
    MemoryLog,
    due,
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
    from projections.clickhouse.client import ClickHouse

pytestmark = pytest.mark.stack

SEALER: Final = Sealer(b"of the test")
WHO: Final[dict[str, Any]] = {"fingerprints": SEALER.fingerprints}
ANNA: Final = "anna-17"
"""The person's player id; their device and handle hold it too, so that one search finds all."""
DEVICE: Final = "device-anna-17"
HANDLE: Final = "Red-anna-17"
OTHER_GAME: Final = "game_2"
"""Of the same studio."""


def decision(studio_id: str = STUDIO) -> PersonForgotten:
    return person_forgotten(
        SEALER.fingerprints,
        studio_id,
        players=[ANNA, DEVICE],
        handles=[Handle(GAME, ANNA), Handle(GAME, HANDLE)],
        at_ms=START_MS,
    )


def feedback(device: str, submission: str) -> Any:
    body = {
        "gameId": "g",
        "sessionId": f"of-{device}",
        "deviceId": device,
        "formId": "form",
        "submissionId": submission,
        "answers": [{"fieldId": "q", "value": f"I am {device}"}],
    }
    return entry(EntryKind.S1_FEEDBACK, json.dumps(body).encode())


def message(number: int, author: str, at_ms: int) -> dict[str, Any]:
    props = {"id": f"m{number}", "author": author, "text": f"this is broken, says {author}"}
    return {"name": "discord_message", "t": at_ms, "seq": number, "props": props}


def play(log: MemoryLog, at_ms: int, number: int, partition: int = 0, *, also: bool = True) -> None:
    """Sessions of the person, of another, of both (one each begins), and a thread that both write in.

    Without `also` only what others sent.
    """
    anna = {"player_id": ANNA}
    thread = [message(3 * number + 1, "Blue", at_ms)] + [message(3 * number + 2, HANDLE, at_ms)] * also
    items = [
        gameplay(at_ms, "died", session="hers", **anna),
        trajectory(at_ms, at_ms + 900, 3, session="hers", **anna),
        gameplay(at_ms, "died", session="begun-by-her", **anna),
        gameplay(at_ms + 1, "died", session="begun-by-her", player_id="bob"),
        gameplay(at_ms, session="begun-by-bob", player_id="bob"),
        gameplay(at_ms + 1, "crash", session="begun-by-bob", **anna),
        funnel(at_ms, session="bobs"),
        funnel(at_ms, session="hers") | anna,
        player(at_ms, ANNA),
        player(at_ms, "bob"),
    ]
    requests = [
        s4(*(item for item in items if also or item["player_id"] != ANNA)),
        s1(f"handle{partition}", {"name": "step", "t": at_ms, "seq": number}, testerHandle=HANDLE),
        s1(f"thread{partition}", *thread, source="discord", deviceId="discord_1", title="Feedback"),
    ]
    if also:
        requests.insert(
            1,
            s1(
                f"device{partition}", {"name": "step", "t": at_ms, "seq": number}, deviceId=DEVICE, title=ANNA
            ),
        )
        requests.append(feedback(DEVICE, f"of-anna-{number}"))
    log.put(*requests, feedback("device_bob", f"of-bob-{number}"), at_ms=at_ms, partition=partition)


def played(partitions: int = 1) -> MemoryLog:
    log = MemoryLog(partitions)
    for number in range(6):
        play(log, START_MS + number * 700, number, partition=number % partitions)
    end_ms = START_MS + 40 * MINUTE
    for session in ("hers", "begun-by-her", "begun-by-bob", "bobs", "device0", "thread0", "handle0"):
        log.put(due(session, end_ms), at_ms=end_ms)
    return log


def forget(log: MemoryLog) -> None:
    for partition in range(len(log.records)):
        log.put_raw(forgetting_record(decision()), at_ms=log.now_ms + 3, partition=partition)


async def mentions(client: ClickHouse) -> dict[str, int]:
    """In how many rows of which table anything of the person's names is, old versions of rows included."""
    found = {}
    for database in (client, client.system):
        names = await database.rows(
            "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree'"
        )
        for (table,) in names:
            rows = await database.rows(f"SELECT * FROM {table}")
            count = sum("anna-17" in json.dumps(row) for row in rows)
            if count:
                found[str(table)] = count
    return found


async def test_a_person_goes_others_stay_and_a_rebuild_agrees(
    database: ClickHouse, clickhouse_url: str
) -> None:
    log = played()
    await apply(database, log, **WHO)
    before = await mentions(database)
    assert set(before) == {
        *("events", "positions", "funnel_steps", "performance", "players", "feedback", "messages"),
        *("session_parts", "insights"),
    }
    stays = await contents(database)
    forget(log)
    worker = await apply(database, log, **WHO)
    assert await mentions(database) == {}
    now = await contents(database)
    for table in ("events", "positions", "funnel_steps", "performance", "players", "feedback"):
        assert now[table] == [row for row in stays[table] if "anna-17" not in json.dumps(row)], table
    sessions = {
        row[0]: row[1:] for row in await database.rows("SELECT session_id, player_id, title FROM sessions")
    }
    assert sessions == {
        "begun-by-her": ["bob", ""],
        "begun-by-bob": ["bob", ""],
        "bobs": ["player-bobs", ""],
        "handle0": ["device_handle0", ""],
        "thread0": ["discord_1", "Feedback"],
    }
    counts = await database.rows("SELECT event_counts FROM sessions WHERE session_id = 'begun-by-her'")
    assert counts == [[{"died": 12}]]  # as it was played
    analysed = await database.rows(
        "SELECT DISTINCT session_id FROM insights FINAL WHERE removed = 0 ORDER BY 1"
    )
    assert ["begun-by-bob"] in analysed
    assert not worker.works_long
    assert (await run(database, clickhouse_url, log, verify=True, **WHO)).different == []


async def test_what_comes_later_is_left_out_by_this_worker_the_next_and_a_rebuild(
    database: ClickHouse, clickhouse_url: str
) -> None:
    log = played()
    forget(log)
    play(log, log.now_ms + SECOND, 6)
    await apply(database, log, **WHO)
    play(log, log.now_ms + SECOND, 7)
    log.put(s4(gameplay(log.now_ms, session="new", player_id=ANNA)), at_ms=log.now_ms + SECOND)
    await apply(database, log, **WHO)
    assert await mentions(database) == {}
    assert (await run(database, clickhouse_url, log, verify=True, **WHO)).different == []
    expected = played()
    forget(expected)
    for number in (6, 7):
        play(expected, expected.now_ms + SECOND, number, also=False)
    clean = await fresh(clickhouse_url)
    await apply(clean, expected, **WHO)
    events = "SELECT session_id, player_id, event_name, occurred_at, properties FROM events ORDER BY ALL"
    assert await database.rows(events) == await clean.rows(events)
    assert (await database.rows("SELECT count() FROM events WHERE player_id = 'bob'"))[0][0] > 12
    await drop(clean)


async def test_in_another_game_of_the_studio_the_same_handle_is_somebody_elses(
    database: ClickHouse, clickhouse_url: str
) -> None:
    log = MemoryLog()

    def both(number: int) -> None:
        """In each game a tester of that handle plays, and writes in a thread."""
        for game in (GAME, OTHER_GAME):
            at_ms = START_MS + number * SECOND
            said = (message(2 * number, HANDLE, at_ms), message(2 * number + 1, "Blue", at_ms))
            step = {"name": "step", "t": at_ms, "seq": number}
            log.put(
                s1("linked", step, testerHandle=HANDLE, deviceId=f"device-{game}", game=game),
                s1("thread", *said, source="discord", deviceId="discord_1", game=game),
                at_ms=at_ms,
            )

    async def told() -> dict[str, list[Any]]:
        """Of each game: what its sessions say, and how many events and messages of theirs there are."""
        found: dict[str, list[Any]] = {}
        author = "JSONExtractString(properties, 'author')"
        for sql in (
            "SELECT game_id, session_id, tester_handle FROM sessions ORDER BY ALL",
            "SELECT game_id, author, count() FROM messages FINAL GROUP BY ALL ORDER BY ALL",
            f"SELECT game_id, {author}, count() FROM events GROUP BY ALL ORDER BY ALL",
        ):
            for game_id, *row in await database.rows(sql):
                found.setdefault(game_id, []).append(row)
        return found

    both(1)
    await apply(database, log, **WHO)
    before = await told()
    assert before[GAME] == before[OTHER_GAME]
    assert [HANDLE, 1] in before[OTHER_GAME]
    forget(log)
    await apply(database, log, **WHO)
    now = await told()
    assert now[OTHER_GAME] == before[OTHER_GAME]
    assert HANDLE not in json.dumps(now[GAME])
    both(2)  # what comes later
    await apply(database, log, **WHO)
    now = await told()
    assert now[OTHER_GAME] == [
        ["linked", HANDLE],
        ["thread", "discord_1"],
        *(["Blue", 2], [HANDLE, 2]),
        *(["", 2], ["Blue", 2], [HANDLE, 2]),
    ]
    assert now[GAME] == [
        *(["linked", f"device-{GAME}"], ["thread", "discord_1"]),
        *(["Blue", 2], ["", 2], ["Blue", 2]),
    ]
    assert (await run(database, clickhouse_url, log, verify=True, **WHO)).different == []
    assert (await run(database, clickhouse_url, log, **WHO)).swapped
    assert await told() == now


async def test_another_studios_person_of_the_same_id_stays(database: ClickHouse) -> None:
    log = played()
    log.put(
        entry(
            EntryKind.S4_ITEMS,
            msgpack.packb([gameplay(log.now_ms, session="theirs", player_id=ANNA)]),
            studio_id="studio_2",
        )
    )
    forget(log)
    log.put_raw(forgetting_record(decision()), at_ms=log.now_ms + 3)  # called twice
    await apply(database, log, **WHO)
    assert await mentions(database) == {"events": 1, "session_parts": 1}
    left = await database.rows(
        "SELECT studio_id, session_id FROM events WHERE player_id = {p:String}", {"p": ANNA}
    )
    assert left == [["studio_2", "theirs"]]


@pytest.mark.parametrize("after", [False, True])
async def test_a_crash_at_any_write_changes_nothing(
    clickhouse_url: str,
    after: bool,  # noqa: FBT001 - pytest gives parameters by name
) -> None:
    log = played()
    client, clean = await fresh(clickhouse_url), await fresh(clickhouse_url)
    await apply(client, log, **WHO)
    forget(log)
    died = 0
    for writes in (0, 1, 2, 3):
        dying = DyingClickHouse(clickhouse_url, client.database, writes=writes, after=after)
        try:
            await apply(dying, log, **WHO)
        except Dies:
            died += 1
        finally:
            await dying.close()
    assert died >= 2
    await apply(client, log, **WHO)
    await apply(clean, log, **WHO)
    assert await contents(client) == await contents(clean)
    assert await mentions(client) == {}
    await drop(client)
    await drop(clean)


async def test_partitions_forget_each_for_itself(database: ClickHouse, clickhouse_url: str) -> None:
    log = played(partitions=2)
    forget(log)
    play(log, log.now_ms + SECOND, 6, partition=1)
    await apply(database, log, **WHO)
    assert await mentions(database) == {}
    before = await contents(database)
    assert (await run(database, clickhouse_url, log, **WHO)).swapped
    assert await contents(database) == before
    assert await mentions(database) == {}


async def test_a_device_without_a_handle_of_its_own_is_forgotten(database: ClickHouse) -> None:
    log = MemoryLog()
    log.put(
        s1("a", {"name": "step", "t": START_MS}, deviceId=DEVICE, testerHandle="somebody"), at_ms=START_MS
    )
    log.put_raw(
        forgetting_record(
            person_forgotten(SEALER.fingerprints, STUDIO, players=[DEVICE], handles=[], at_ms=START_MS)
        )
    )
    await apply(database, log, **WHO)
    assert await mentions(database) == {}


async def test_without_the_secret_a_worker_does_not_go_on(database: ClickHouse) -> None:
    log = played()
    forget(log)
    with pytest.raises(Exception, match="without the deployment secret"):
        await apply(database, log)
