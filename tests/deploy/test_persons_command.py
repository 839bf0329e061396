"""`questlog persons` on the real stack: what is found and handed out is of one studio's person alone."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import uuid
import zipfile
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import clickhouse_connect
import httpx
import msgpack
import pytest
import redis

from tests import plain_http

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.stack import QuestlogStack

pytestmark = pytest.mark.stack

EVENTS = 30
SECONDS = 30.0


def questlog(stack: QuestlogStack, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deploy.cli", "persons", *words, "--home", str(stack.home)]
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own


def send(stack: QuestlogStack, owner: dict[str, Any], player: str, events: int) -> None:
    """Telemetry by S4, in a studio's first game."""
    sent = [
        {
            "event_name": "Player_Jump",
            "app_id": owner["games"][0]["id"],
            "build_id": "1.0",
            "player_id": player,
            "session_id": f"sess_{player}",
            "timestamp": datetime.now(UTC).isoformat(),
        }
        for _ in range(events)
    ]
    plain_http.post(
        f"{stack.base_url}/api/events",
        content=msgpack.packb(sent),
        headers={
            "x-public-token": owner["keys"]["public_token"],
            "content-type": "application/msgpack",
        },
    ).raise_for_status()


def play(stack: QuestlogStack, owner: dict[str, Any], player: str, events: int, gold: int) -> None:
    """Telemetry by S4 and a wallet by S3, in a studio's first game."""
    send(stack, owner, player, events)
    plain_http.post(
        f"{stack.base_url}/server/v1/players/{player}/wallet/gold/credit",
        json={"amount": gold},
        headers={"authorization": f"Bearer {owner['keys']['lo_srv']}"},
    ).raise_for_status()


def places(stack: QuestlogStack, slug: str, player: str) -> dict[str, int]:
    """How much is found where."""
    found = questlog(stack, "find", slug, player, "--json")
    assert found.returncode == 0, found.stderr
    told = json.loads(found.stdout)["places"]
    return {f"{one['store']}/{one['place']}": one["count"] for one in told}


def test_a_person_of_one_studio_is_found_and_handed_out(
    questlog_stack: QuestlogStack, tmp_path: Path
) -> None:
    demo, other = questlog_stack.demo, questlog_stack.demo["other"]
    player = f"person-{uuid.uuid4().hex[:8]}"
    play(questlog_stack, demo, player, EVENTS, gold=7)
    play(questlog_stack, other, player, 3, gold=5)
    slug = demo["studio"]["slug"]
    deadline = time.monotonic() + SECONDS
    while True:
        found = places(questlog_stack, slug, player)
        if found.get("clickhouse/events") == EVENTS and found.get("clickhouse/liveops_ledger") == 1:
            break
        assert time.monotonic() < deadline, found
        time.sleep(0.5)  # rows come with the next batch, which tells no one
    assert found["redis/liveops wallet:{game}/{player}"] == 1
    assert found["redis/liveops player:{game}/{player}"] == 1

    target = tmp_path / "person.zip"
    done = questlog(questlog_stack, "export", slug, player, "--to", str(target), "--json")
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(target) as file:
        manifest = json.loads(file.read("manifest.json"))
        lines = {
            one["name"]: [json.loads(line) for line in file.read(one["name"]).splitlines()]
            for one in manifest["files"]
        }
    assert manifest == json.loads(done.stdout)
    assert {one["name"]: one["rows"] for one in manifest["files"]} == {
        name: len(rows) for name, rows in lines.items()
    }
    rows = lines["clickhouse/events.jsonl"]
    assert (len(rows), {row["studio_id"] for row in rows}) == (EVENTS, {demo["studio"]["id"]})
    assert len({row["_index"] for row in rows}) == EVENTS
    (movement,) = lines["clickhouse/liveops_ledger.jsonl"]
    assert (movement["external_id"], int(movement["amount"])) == (player, 7)
    (wallet,) = [row for row in lines["redis/liveops.jsonl"] if row["key"].startswith("wallet:")]
    assert wallet["value"]["gold"]["quantity"] == 7
    again = questlog(questlog_stack, "export", slug, player, "--to", str(target))
    assert (again.returncode, "is there already" in again.stderr) == (1, True)


def test_an_id_that_nothing_is_held_of_and_a_studio_that_is_not_there(questlog_stack: QuestlogStack) -> None:
    nothing = questlog(questlog_stack, "find", questlog_stack.demo["studio"]["slug"], "no*such?person")
    assert nothing.returncode == 0, nothing.stderr
    assert "nothing is held of them in the stores" in nothing.stdout
    assert "not looked through:" in nothing.stdout
    unknown = questlog(questlog_stack, "find", "nobody", "player")
    assert (unknown.returncode, "there is no studio nobody" in unknown.stderr) == (1, True)
    slug = questlog_stack.demo["studio"]["slug"]
    near = questlog(questlog_stack, "find", f"{slug}x", "player")
    assert (near.returncode, f"there is no studio {slug}x: did you mean {slug}" in near.stderr) == (1, True)


def searched(stack: QuestlogStack, word: str) -> dict[str, int]:
    """Where a word is, and how often: in ClickHouse's tables, in Redis, in objects and their names."""
    found: dict[str, int] = {}
    configured = json.loads((stack.home / "settings.json").read_bytes())
    with clickhouse_connect.get_client(dsn=configured["clickhouse_url"]) as client:
        for database in ("questlog", "questlog_system"):
            tables = client.query(
                "SELECT name FROM system.tables WHERE database = {d:String} AND engine LIKE '%MergeTree'",
                parameters={"d": database},
            ).result_rows
            for (table,) in tables:
                rows = client.raw_query(f"SELECT * FROM {database}.{table} FORMAT JSONEachRow")
                found[f"{database}.{table}"] = rows.count(word.encode())
    with redis.Redis.from_url(stack.demo["redis_url"]) as store:
        for key in store.scan_iter(count=1_000):
            held = key + repr(held_in_redis(store, key)).encode()
            found[f"redis {key.decode(errors='replace')}"] = held.count(word.encode())
    for path in (stack.home / "objects").rglob("*"):
        inside = path.is_file() and word.encode() in path.read_bytes()
        found[f"object {path}"] = int(word in path.name or inside)
    return {place: count for place, count in found.items() if count}


def lasting(stack: QuestlogStack, word: str) -> dict[str, int]:
    """Where a word is but in what goes by itself: answers to commands, and limits' counters."""
    passing = ("redis outcome:", "redis limit:")
    return {place: count for place, count in searched(stack, word).items() if not place.startswith(passing)}


def held_in_redis(store: Any, key: bytes) -> Any:
    match store.type(key):
        case b"hash":
            return store.hgetall(key)
        case b"zset":
            return store.zrange(key, 0, -1)
        case b"set":
            return store.smembers(key)
        case b"stream":
            return store.xrange(key)
        case b"string":
            return store.get(key)
        case other:
            return other


def until(asked: Callable[[], Any], wanted: Callable[[Any], bool]) -> Any:
    deadline = time.monotonic() + SECONDS
    while not wanted(found := asked()):
        assert time.monotonic() < deadline, found
        time.sleep(0.2)  # stores follow the log, and tell no one
    return found


def asked(stack: QuestlogStack, method: str, path: str, key: str, **more: Any) -> httpx.Response:
    return plain_http.request(
        method,
        f"{stack.base_url}{path}",
        headers={"authorization": f"Bearer {stack.demo['keys'][key]}", **more.pop("headers", {})},
        **more,
    )


def in_ledger(stack: QuestlogStack, where: str) -> list[Any]:
    """Whose rows of the ledger, and how much in all."""
    configured = json.loads((stack.home / "settings.json").read_bytes())
    with clickhouse_connect.get_client(dsn=configured["clickhouse_url"]) as client:
        return list(
            client.query(
                "SELECT external_id, sum(amount) FROM questlog.liveops_ledger FINAL"
                f" WHERE {where} GROUP BY external_id"
            ).result_rows
        )


def test_a_forgotten_person_is_nowhere_and_money_stays_under_a_pseudonym(
    questlog_stack: QuestlogStack,
) -> None:
    demo = questlog_stack.demo
    slug, gone, rich = demo["studio"]["slug"], f"gone-{uuid.uuid4().hex[:8]}", f"rich-{uuid.uuid4().hex[:8]}"
    send(questlog_stack, demo, gone, EVENTS)
    play(questlog_stack, demo, rich, EVENTS, gold=7)
    registered = asked(questlog_stack, "POST", f"/sdk/v1/players/{rich}/register", "lo_live", json={})
    secret = {"x-player-secret": registered.json()["secret"]}
    wallet = f"/sdk/v1/players/{rich}/wallet"
    assert asked(questlog_stack, "GET", wallet, "lo_live", headers=secret).status_code == 200
    until(lambda: places(questlog_stack, slug, gone), lambda now: now.get("clickhouse/events") == EVENTS)
    until(
        lambda: places(questlog_stack, slug, rich),
        lambda now: now.get("clickhouse/events") == EVENTS and now.get("clickhouse/liveops_ledger") == 1,
    )
    assert searched(questlog_stack, gone)

    dry = json.loads(questlog(questlog_stack, "forget", slug, rich, "--dry-run", "--json").stdout)
    told = {one["place"]: one["count"] for one in dry["went"]}
    assert (told["events"], told["session_parts"], told["liveops_ledger"]) == (EVENTS, 1, 1)
    assert told["liveops wallet:{game}/{player}"] == 1
    held = places(questlog_stack, slug, rich)
    assert held["clickhouse/events"] == EVENTS  # nothing was done

    for player in (gone, rich):
        done = questlog(questlog_stack, "forget", slug, player, "--json")
        assert done.returncode == 0, done.stderr
        report = json.loads(done.stdout)
        went = {one["place"]: one["count"] for one in report["went"]}
        assert (went["events"], report["left"], report["again"]) == (EVENTS, [], False)
        until(partial(lasting, questlog_stack, player), lambda found: found == {})
        assert places(questlog_stack, slug, player) == {}
    kept = in_ledger(questlog_stack, "external_id LIKE 'forgotten:%'")
    assert [amount for _, amount in kept] == [7]

    for player in (gone, rich):
        again = json.loads(questlog(questlog_stack, "forget", slug, player, "--json").stdout)
        assert (again["again"], again["went"]) == (True, [])

    # A client that still holds the secret: as that of a player whom nobody knows.
    assert asked(questlog_stack, "GET", wallet, "lo_live", headers=secret).status_code == 401
    server = f"/server/v1/players/{rich}"
    for method, path, key in (
        ("POST", f"/sdk/v1/players/{rich}/register", "lo_live"),
        ("POST", f"{server}/wallet/gold/credit", "lo_srv"),
        ("GET", server, "lo_srv"),
        ("POST", f"/server/v1/players/{kept[0][0]}/wallet/gold/credit", "lo_srv"),
    ):
        body = {"json": {"amount": 1} if path.endswith("credit") else {}} if method == "POST" else {}
        assert asked(questlog_stack, method, path, key, **body).status_code == 404, path

    send(questlog_stack, demo, gone, 3)
    after = f"after-{uuid.uuid4().hex[:8]}"
    send(questlog_stack, demo, after, 3)
    until(lambda: places(questlog_stack, slug, after), lambda now: now.get("clickhouse/events") == 3)
    until(lambda: searched(questlog_stack, gone), lambda found: found == {})
    assert in_ledger(questlog_stack, "external_id LIKE 'forgotten:%'") == kept
