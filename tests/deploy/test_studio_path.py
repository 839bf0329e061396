"""Studios, games and keys from the command line to Redis and back, on the real log and real workers.

Their Redis is a deployment's: over TLS, as the user with the least rights, where a Sentinel says it is.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio
import typer
from typer.testing import CliRunner

from deploy import settings
from deploy.cli import apply, audit, keys
from deploy.cli.apply import changes_of
from deploy.cli.dlq import _contents, _entries, _entry, _open_client, _replay
from deploy.cli.errors import RequestRefused
from deploy.lab.demo.load import FOLDER, RELAY_KEYS, load
from deploy.operations import operator
from deploy.rebuild_redis import rebuild_redis
from deploy.redis_server import open_redis
from deploy.studio_administration import Administration, open_administration, wait_until_ready
from projections.studio.directory import RedisDirectory
from schemas.dead_letters import DEAD_LETTER_VERSION, DeadLetter, append_dead_letter
from schemas.edge.ports import KeyKind, StoreUnavailable
from schemas.envelope import ENVELOPE_VERSION, Command, CommandRecord
from schemas.liveops.commands import DebitWallet
from schemas.liveops.noun import LIVEOPS_COMMANDS
from schemas.studio.commands import COMMANDS, RevokeKey
from schemas.studio.definitions import load_definitions
from schemas.studio.noun import STUDIO_COMMANDS
from schemas.telemetry.noun import TELEMETRY
from schemas.telemetry.record import EntryKind, TelemetryEntry, decode_record, encode_record
from streams.asking import CommandRefused
from streams.runtime.partition_reads import KafkaTail
from streams.runtime.producer import KafkaAppender
from streams.studio_administration import NewKey
from tests.deploy.studio_world import Workers, workers
from tests.secured_redis import SecuredRedis, secured_redis
from tests.stack import infra

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A broker of this module's own: the topics of the deployment belong to it."""
    with infra(tmp_path_factory.mktemp("studio-kafka"), "kafka") as url:
        yield url


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredRedis]:
    with secured_redis(tmp_path_factory.mktemp("studio-redis")) as servers:
        yield servers


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(
    tmp_path_factory: pytest.TempPathFactory, broker: str, store: SecuredRedis
) -> AsyncIterator[Workers]:
    async with workers(tmp_path_factory.mktemp("studio-home"), broker, **store.settings) as started:
        await load(started.settings)
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def administration(running: Workers) -> AsyncIterator[Administration]:
    async with open_administration(running.settings) as administration:
        yield administration


async def demo_studio(administration: Administration) -> str:
    studio = await administration.queries.studio_by_slug("demo")
    assert studio is not None
    return studio.id


async def game(administration: Administration, slug: str) -> str:
    found = await administration.queries.game_by_slug(await demo_studio(administration), slug)
    assert found is not None
    return found.id


async def test_the_demo_file_has_the_documented_shape_and_every_key_speaks_for_whom_it_says(
    running: Workers,
) -> None:
    path = running.settings.home / "demo.json"
    assert path.stat().st_mode & 0o777 == 0o600
    before = path.read_bytes()
    demo = json.loads(before)
    redis = open_redis(running.settings)
    directory = RedisDirectory(redis)
    kinds = {str(kind) for kind in KeyKind}
    for part, extra in ((demo, set(RELAY_KEYS)), (demo["other"], set[str]())):
        assert set(part["keys"]) == kinds | extra
        for name, value in part["keys"].items():
            for one in value if isinstance(value, list) else [value]:
                found = await directory.credential(one)
                assert found is not None
                assert found.kind == RELAY_KEYS.get(name, name)
                assert found.studio_id == part["studio"]["id"]
    assert demo["games"][0]["id"] == "72ab8f81-ef36-4712-a046-399a62b9afaa"
    assert [entry["slug"] for entry in demo["games"]] == ["doom", "relay"]
    relay = await directory.game(demo["games"][1]["id"])
    assert relay is not None
    assert (relay.limits.ingest_per_second, relay.limits.telemetry_per_minute) == (None, None)
    await redis.aclose()
    assert len(set(demo["keys"]["wpg_pt"])) == 2
    await load(running.settings)
    assert path.read_bytes() == before


async def test_the_demo_defines_what_is_promised_of_doom(administration: Administration) -> None:
    doom = await administration.queries.game(await game(administration, "doom"))
    assert doom is not None
    events = doom.definition["events"]
    assert any(
        event["mode"] == "global"
        and event["order"] == "desc"
        and (event["target"] or {}).get("value", 0) > 3
        and event["metrics"][event["target"]["metric"]]["maxPerCall"] >= 3
        and not event["matchmaking"]
        for event in events
    )
    assert any(event["matchmaking"] for event in events)
    assert {event["mode"] for event in events} == {"global", "grouped", "segmented"}
    assert doom.definition["catalog"]["items"]
    assert "gold" in {currency["economyKey"] for currency in doom.definition["catalog"]["currencies"]}
    assert doom.feedback_forms
    assert doom.limits.ingest_per_second == 10


async def test_applying_twice_changes_nothing_and_a_change_is_named(administration: Administration) -> None:
    text = (FOLDER / "other.yaml").read_text()
    assert (await changes_of(administration.queries, load_definitions(text)))[1] == []
    assert (await administration.define(load_definitions(text))).changes == []
    changed = load_definitions(
        text.replace("name: Other Game", "name: Renamed").replace("plan: free", "plan: indie")
    )
    expected = ["studio other: plan", "game other-game: name"]
    assert (await changes_of(administration.queries, changed))[1] == expected
    assert (await administration.define(changed)).changes == expected
    assert (await administration.define(load_definitions(text))).changes == expected


async def test_a_keyed_retry_gives_the_same_key_and_another_body_is_a_conflict(
    administration: Administration,
) -> None:
    studio_id, game_id = await demo_studio(administration), await game(administration, "doom")
    mark = uuid.uuid4().hex
    first = await administration.create_key(
        KeyKind.SDK_LIVE, studio_id=studio_id, game_id=game_id, idempotency_key=mark
    )
    again = await administration.create_key(
        KeyKind.SDK_LIVE, studio_id=studio_id, game_id=game_id, idempotency_key=mark
    )
    assert again == first
    await administration.revoke_key(first.key_id, studio_id=studio_id)
    with pytest.raises(CommandRefused) as conflict:
        await administration.create_key(
            KeyKind.SDK_LIVE, studio_id=studio_id, game_id=game_id, idempotency_key=mark, name="other"
        )
    assert conflict.value.status == 409


async def test_a_second_management_key_and_keys_of_other_tenants_are_refused(
    administration: Administration,
) -> None:
    studio_id = await demo_studio(administration)
    with pytest.raises(CommandRefused, match="one management key"):
        await administration.create_key(KeyKind.MANAGEMENT, studio_id=studio_id)
    other = await administration.queries.studio_by_slug("other")
    assert other is not None
    with pytest.raises(CommandRefused) as missing:
        await administration.create_key(
            KeyKind.SDK_LIVE, studio_id=other.id, game_id=await game(administration, "doom")
        )
    assert missing.value.status == 404
    (key, *_) = await administration.queries.keys(studio_id)
    with pytest.raises(CommandRefused) as missing:
        await administration.revoke_key(key.key_id, studio_id=other.id)
    assert missing.value.status == 404


async def test_a_rotated_or_revoked_value_is_refused_everywhere_when_the_answer_is_there(
    running: Workers, administration: Administration
) -> None:
    studio_id, game_id = await demo_studio(administration), await game(administration, "doom")
    first = await administration.create_key(KeyKind.SDK_SERVER, studio_id=studio_id, game_id=game_id)
    redis = open_redis(running.settings)
    directory = RedisDirectory(redis)
    asking = True

    async def use(value: str) -> None:
        while asking:  # a busy edge: the entry is always in memory and always fresh
            await directory.credential(value)
            await asyncio.sleep(0.01)

    busy = asyncio.create_task(use(first.value))
    second = await administration.rotate_key(first.key_id, studio_id=studio_id, kind=KeyKind.SDK_SERVER)
    assert await directory.credential(first.value) is None
    assert await directory.credential(second.value)
    await administration.revoke_key(first.key_id, studio_id=studio_id)
    assert await directory.credential(second.value) is None
    asking = False
    await busy
    await redis.aclose()


async def test_unreadable_commands_are_kept_and_can_be_replayed(
    running: Workers, administration: Administration
) -> None:
    appender = KafkaAppender(running.settings.kafka)
    command = Command(
        command_id=str(uuid.uuid4()),
        type=RevokeKey.WIRE,
        aggregate_id="nobody",
        studio_id="nobody",
        game_id="",
        body=b"\xc1",
        at_ms=time.time_ns() // 1_000_000,
        seed=bytes(16),
        fingerprint=b"f",
        keyed=False,
    )
    record = CommandRecord(
        version=ENVELOPE_VERSION, gateway_id="nobody", record_id="r", commands=[command], definitions={}
    )
    await appender.append(STUDIO_COMMANDS.name, 0, b"\xc1 not a record")
    where = await appender.append(STUDIO_COMMANDS.name, 0, msgspec.msgpack.encode(record))
    await appender.stop()
    await administration.define(load_definitions((FOLDER / "other.yaml").read_text()))  # decided after both
    entries = await _entries(running.settings)
    whole, part = f"studio.commands-0-{where.offset - 1}", f"studio.commands-0-{where.offset}-0"
    assert (await _entry(running.settings, whole)).letter.body == b"\xc1 not a record"
    assert entries[part].letter.reason == "undecodable-command"
    with pytest.raises(RequestRefused, match="can't read"):
        await _replay(running.settings, whole)
    assert await _replay(running.settings, part) == [f"{command.command_id}#r1: 500"]
    assert await _replay(running.settings, part) == [f"{command.command_id}#r2: 500"]
    assert (await _entries(running.settings))[part].replays == 2
    assert COMMANDS.wire_names


async def test_a_dead_command_of_liveops_is_asked_for_again(running: Workers) -> None:
    command = Command(
        command_id=str(uuid.uuid4()),
        type=DebitWallet.WIRE,
        aggregate_id="game_1/player",
        studio_id="studio",
        game_id="game_1",
        body=b"\xc1",
        at_ms=time.time_ns() // 1_000_000,
        seed=bytes(16),
        fingerprint=b"f",
        keyed=False,
        definition="1:d",
    )
    async with AsyncExitStack() as stack:
        appender = KafkaAppender(running.settings.kafka)
        stack.push_async_callback(appender.stop)
        client = await _open_client(running.settings, LIVEOPS_COMMANDS.name, appender, stack)
        assert (await client.submit(command, definition=b"rules")).status == 500
    found = [one.letter for one in (await _entries(running.settings)).values()]
    (letter,) = [one for one in found if one.topic == LIVEOPS_COMMANDS.name]
    contents = await _contents(running.settings, letter)
    assert (contents.commands, contents.definitions) == ([command], {"1:d": b"rules"})
    assert await _replay(running.settings, letter.id) == [f"{command.command_id}#r1: 500"]
    entries = await _entries(running.settings)
    assert entries[letter.id].replays == 1
    replayed = [one.letter for one in entries.values() if one.letter.topic == LIVEOPS_COMMANDS.name]
    assert [one.partition for one in replayed] == [letter.partition] * 2, "it was decided where it was before"


async def test_a_dead_part_of_telemetry_is_replayed_as_it_was_sent(running: Workers) -> None:
    part = TelemetryEntry(
        kind=EntryKind.S4_ITEMS,
        request_id="request",
        studio_id="s",
        game_id="g",
        received_at_ms=5,
        item_count=1,
        country=None,
        region=None,
        city=None,
        body=b"\xc1",
    )
    good = msgspec.structs.replace(part, request_id="good", body=b"\x90")
    appender = KafkaAppender(running.settings.kafka)
    where = await appender.append(TELEMETRY.name, 0, encode_record([good, part]))
    letter = DeadLetter(
        version=DEAD_LETTER_VERSION,
        topic=TELEMETRY.name,
        partition=0,
        offset=where.offset,
        index=1,
        reader="telemetry",
        reason="undecodable-part",
        error="no",
        appended_at_ms=where.appended_at_ms,
        key=None,
        body=part.body,
    )
    await append_dead_letter(appender, letter)
    await appender.stop()
    assert await _replay(running.settings, letter.id) == [f"request#r1: appended at 0@{where.offset + 1}"]
    tail = KafkaTail(running.settings.kafka)
    (again,) = [record async for record in tail.read(TELEMETRY.name, 0, where.offset + 1)]
    await tail.stop()
    assert decode_record(again.value).entries == [msgspec.structs.replace(part, request_id="request#r1")]


async def made_key(administration: Administration, studio_id: str, game_id: str, mark: str) -> NewKey:
    """A key, asked for until there is one: a worker may just have been killed."""
    while True:
        try:
            return await administration.create_key(
                KeyKind.SDK_TEST, studio_id=studio_id, game_id=game_id, idempotency_key=mark
            )
        except (CommandRefused, StoreUnavailable) as error:
            if isinstance(error, CommandRefused) and error.status != 503:
                raise
            await asyncio.sleep(0.05)


async def test_workers_killed_under_load_lose_nothing_and_do_nothing_twice(
    running: Workers, administration: Administration
) -> None:
    studio_id, game_id = await demo_studio(administration), await game(administration, "relay")
    before = {row.key_id for row in await administration.queries.keys(studio_id)}

    async def make(index: int) -> str:
        return (await made_key(administration, studio_id, game_id, f"drill-{index}")).key_id

    numbers = itertools.count()
    made: set[str] = set()
    over = asyncio.Event()

    async def keep_making() -> None:
        while not over.is_set():
            made.add(await make(next(numbers)))
            await asyncio.sleep(0.03)  # a studio has at most 1,000 keys

    making = [asyncio.create_task(keep_making()) for _ in range(4)]
    for role in ("redis", "decider", "redis", "decider"):
        enough = len(made) + 6
        async with asyncio.timeout(180):
            while len(made) < enough:  # noqa: ASYNC110 - four tasks make them, whoever is killed
                await asyncio.sleep(0.02)
        running.kill(role)
    over.set()
    await asyncio.gather(*making)
    assert len(made) == next(numbers) >= 24
    after = {row.key_id for row in await administration.queries.keys(studio_id)}
    assert after - before == made


async def test_a_failover_that_loses_the_last_seconds_shows_nothing_of_before_and_loses_no_answer(
    administration: Administration, store: SecuredRedis
) -> None:
    studio_id, game_id = await demo_studio(administration), await game(administration, "doom")
    store.part()
    late = await made_key(administration, studio_id, game_id, "late")
    before = await administration.queries.keys(studio_id)
    assert late.key_id in {row.key_id for row in before}
    assert store.replica.owner.dbsize() > 0
    store.fail_over()
    with pytest.raises(StoreUnavailable):  # it is there, and behind: what it has is shown to no reader
        await administration.queries.keys(studio_id)
    await wait_until_ready(administration.queries, 60)
    assert await administration.queries.keys(studio_id) == before
    assert await administration.holds(late.value)
    await administration.revoke_key(late.key_id, studio_id=studio_id)
    assert store.primary.owner.acl_log() == [], "nothing was asked that the user may not"


async def test_a_redis_that_comes_up_empty_is_refused_until_it_is_filled_again(
    running: Workers, administration: Administration, store: SecuredRedis
) -> None:
    studio_id = await demo_studio(administration)
    before = await administration.queries.keys(studio_id)
    filler = running.running["redis"].pid
    os.kill(filler, signal.SIGSTOP)  # else it may be full again before this test looks
    try:
        store.primary.kill()
        store.primary.start()
        with pytest.raises(StoreUnavailable):
            await administration.queries.keys(studio_id)
    finally:
        os.kill(filler, signal.SIGCONT)
    await wait_until_ready(administration.queries, 120)
    assert await administration.queries.keys(studio_id) == before
    assert running.running["redis"].returncode is None


async def test_a_rebuild_from_the_real_log_is_equal_and_swaps(
    running: Workers, administration: Administration
) -> None:
    studio_id = await demo_studio(administration)
    before = await administration.queries.keys(studio_id)
    verified, *empty = await rebuild_redis(running.settings, verify=True, progress=lambda *_: None)
    assert (verified.noun, verified.swapped, verified.different) == ("studio", False, [])
    assert verified.keys > 5
    assert [(one.noun, one.different) for one in empty] == [("liveops", []), ("playtests", []), ("fleet", [])]
    rebuilt = await rebuild_redis(running.settings, progress=lambda *_: None)
    assert all(noun.swapped for noun in rebuilt)
    assert await administration.queries.keys(studio_id) == before
    new = await administration.create_key(
        KeyKind.SDK_LIVE, studio_id=studio_id, game_id=await game(administration, "doom")
    )
    assert await administration.holds(new.value)


async def cli(running: Workers, app: typer.Typer, *arguments: str) -> tuple[int, str, str]:
    """A command as `questlog` would run it, on an event loop of its own."""
    runner = CliRunner(env=running.settings.environment())
    result = await asyncio.to_thread(runner.invoke, app, list(arguments))
    refused = str(result.exception) if isinstance(result.exception, RequestRefused) else ""
    return result.exit_code, result.stdout, result.stderr + refused


async def test_the_command_line_says_what_changes_and_where_a_file_is_wrong(
    running: Workers, tmp_path: Path
) -> None:
    text = (FOLDER / "other.yaml").read_text()
    assert await cli(running, apply.app, str(FOLDER / "other.yaml")) == (0, "nothing changes\n", "")
    changed = tmp_path / "changed.yaml"
    changed.write_text(text.replace("name: Weekly points", "name: Points of the week"))
    expected = (0, "game other-game: events[weekly-points]\napplied\n", "")
    assert await cli(running, apply.app, str(changed), "--yes") == expected
    assert (await cli(running, apply.app, str(FOLDER / "other.yaml")))[0] == 0
    bad = tmp_path / "bad.yaml"
    bad.write_text(text.replace("mode: global", "mode: galactic"))
    code, out, err = await cli(running, apply.app, str(bad))
    line = next(number for number, row in enumerate(bad.read_text().splitlines(), 1) if "galactic" in row)
    assert (code, out) == (2, "")
    assert f"line {line}: games[0].events[0].mode" in err
    assert "nothing was changed" in err


async def test_keys_are_made_listed_and_ended_from_the_command_line(running: Workers) -> None:
    code, out, _ = await cli(
        running, keys.app, "create", "pf", "--studio", "other", "--game", "other-game", "--json"
    )
    key = json.loads(out)
    assert code == 0
    assert key["value"].startswith("pf_")
    _, out, _ = await cli(running, keys.app, "list", "--studio", "other", "--json")
    assert key["key_id"] in {row["key_id"] for row in json.loads(out)}
    assert key["value"] not in out
    assert (await cli(running, keys.app, "revoke", key["key_id"]))[0] == 0
    code, _, err = await cli(running, keys.app, "revoke", key["key_id"])
    assert code == 1
    assert "no key" in err
    code, _, err = await cli(running, keys.app, "create", "lo_live", "--studio", "other")
    assert (code, "--game" in err) == (1, True)


async def test_a_demo_key_that_was_rotated_or_revoked_is_replaced(
    running: Workers, administration: Administration
) -> None:
    path = running.settings.home / "demo.json"
    studio_id = await demo_studio(administration)
    before = json.loads(path.read_bytes())["keys"]
    for row in await administration.queries.keys(studio_id):
        if row.kind == "pl_ik":
            await administration.revoke_key(row.key_id, studio_id=studio_id)
        if row.kind == "pl_mgmt":
            await administration.rotate_key(row.key_id, studio_id=studio_id, kind=KeyKind.MANAGEMENT)
    await load(running.settings)
    after = json.loads(path.read_bytes())["keys"]
    assert {name for name in after if after[name] != before[name]} == {"pl_ik", "pl_mgmt"}
    assert await administration.holds(after["pl_ik"])
    assert await administration.holds(after["pl_mgmt"])
    await load(running.settings)
    assert json.loads(path.read_bytes())["keys"] == after


async def test_without_a_deployment_secret_nothing_is_made(tmp_path: Path) -> None:
    configured = settings.from_environment({}, home=tmp_path)
    with pytest.raises(settings.SettingsError, match="secret"):
        async with open_administration(configured):
            raise AssertionError


async def test_the_audit_log_says_who_did_what_page_by_page_and_no_secret(
    running: Workers, administration: Administration
) -> None:
    studio_id = await demo_studio(administration)
    key = await made_key(administration, studio_id, await game(administration, "doom"), "audited")
    code, out, _ = await cli(running, audit.app, "--kind", "key-created", "--studio", "demo", "--json")
    assert code == 0
    newest = json.loads(out)["acts"][0]
    assert (newest["target"], newest["studio_id"], newest["outcome"]) == (key.key_id, studio_id, "done")
    assert newest["by"] == operator()
    assert key.value not in out
    code, out, _ = await cli(running, audit.app, "--kind", "dlq replay", "--json")
    acts = json.loads(out)["acts"]
    assert code == 0
    assert {one["act"] for one in acts} == {"questlog dlq replay"}
    assert {one["outcome"] for one in acts} == {"done"}
    everything = json.loads((await cli(running, audit.app, "--limit", "10000", "--json"))[1])["acts"]
    paged: list[object] = []
    before: list[str] = []
    while True:
        page = json.loads((await cli(running, audit.app, "--limit", "40", "--json", *before))[1])
        paged += page["acts"]
        if page["before"] is None:
            break
        before = ["--before", page["before"]]
    assert paged == everything
    assert len(everything) > 40
    code, out, _ = await cli(running, audit.app, "--limit", "3")
    head, *rows = out.splitlines()
    assert head == "\t".join(audit.COLUMNS)
    assert len(rows) == 3
    assert (await cli(running, audit.app, "--since", "1m", "--until", "1d", "--json"))[1].count('"acts": []')
