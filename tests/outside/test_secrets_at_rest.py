"""What only one reader may see is nowhere in the clear: log, Redis, ClickHouse, objects, snapshots, files.

Everything goes through the running stack: an order with keys, applications, keys by links, a claim. Then all
that is kept is read, as bytes and decoded: a compressed record, part or snapshot would hide a clear text.
"""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis import Redis

from deploy.cli.running_stack import of_home
from deploy.nouns import topics_of
from streams.runtime.partition_reads import KafkaTail
from tests.outside.playtests import Owner, new_playtester
from tests.outside.world import World, questlog
from tests.stack import QuestlogStack

pytestmark = pytest.mark.stack
OWNED = "demo.json"
"""Holds keys and links on purpose, for its owner alone (mode 0600)."""


def marked(kind: str) -> str:
    """A text that can't be found by chance, and in no other form."""
    return f"{kind}-{uuid.uuid4().hex}"


def written(world: World, stack: QuestlogStack) -> dict[str, str]:
    """What nothing may hold in the clear, by what it is."""
    owner = Owner(world, world.demo["keys"]["wpg_sk"])
    ann, bob = new_playtester(world, stack), new_playtester(world, stack)
    secrets = {
        "owner's key": owner.key,
        "management key": world.demo["keys"]["pl_mgmt"],
        "playtester's key": ann.key,
        "other playtester's key": bob.key,
        "game key": marked("gamekey"),
        "spare game key": marked("gamekey"),
        "added game key": marked("gamekey"),
        "qualifications": marked("qualified"),
        "code": marked("code"),
        "e-mail": f"{marked('ann')}@example.com",
        "other e-mail": f"{marked('bob')}@example.com",
        "note": marked("note"),
        "user agent": marked("agent"),
    }
    order = owner.order(keysForTesters=[secrets["game key"], secrets["spare game key"]])
    added = {"keysForTesters": [secrets["added game key"]]}
    assert owner.call("PATCH", f"/playtests/{order['id']}", added).status_code == 200
    slot = ann.claim(order["id"])
    assert ann.get(f"/playtests/me/slots/{slot['id']}")["slot"]["gameKey"] == secrets["game key"]
    ann.submit(slot["id"])
    owner.post(f"/playtests/slots/{slot['id']}/accept")
    manual = owner.order(selectionMode="manual")
    bob.apply(manual["id"], secrets["qualifications"])
    (applied,) = owner.get(f"/playtests/{manual['id']}/applications")["applications"]
    assert applied["qualificationsResponse"] == secrets["qualifications"]
    return secrets | redeemed(world, stack, secrets)


def redeemed(world: World, stack: QuestlogStack, secrets: dict[str, str]) -> dict[str, str]:
    """Two keys that were handed out by links; the links' and claims' tokens."""
    folder = stack.home.parent
    (folder / "codes.txt").write_text(secrets["code"] + "\n")
    questlog(stack, "playtests", "keys", "import", "doom", "ptb_press", f"{folder}/codes.txt")
    (folder / "invited.csv").write_text(f"{secrets['e-mail']},{secrets['note']}\n")
    links = json.loads(
        questlog(stack, "playtests", "keys", "invite", "doom", "ptb_press", f"{folder}/invited.csv", "--json")
    )
    link = links[secrets["e-mail"]]
    share = questlog(stack, "playtests", "keys", "share", "doom", "ptb_open").strip()
    agent = {"user-agent": secrets["user agent"]}
    with httpx.Client(headers=agent, timeout=30) as browser:
        assert secrets["note"] in browser.get(link).text
        form = {"handle": marked("a")[:20], "email": secrets["other e-mail"]}
        page = browser.post(link, data=form)
        assert page.status_code == 200
        found = re.search('<code id="key">(.*?)</code>', page.text)
        assert found is not None
        given = browser.post(share, json={"handle": marked("b")[:20]}).json()
    claim = {
        "claimToken": given["claimToken"],
        "gameId": world.game("doom")["id"],
        "deviceId": "d1",
    }
    assert httpx.post(world.demo["base_url"] + "/api/telemetry/claim", json=claim).status_code == 200
    return {
        "redeemed code": found[1],
        "shared code": given["key"],
        "invite's token": link.rpartition("/")[2],
        "share token": share.rpartition("/")[2],
        "claim token": given["claimToken"],
    }


def files(home: Path) -> Iterator[tuple[str, bytes]]:
    """Every file of the home: log segments, stores' files, objects, snapshots, processes' logs."""
    for path in home.rglob("*"):
        if path.name == OWNED or not path.is_file():
            continue
        try:
            content = path.read_bytes()
        except FileNotFoundError:  # a store has merged it meanwhile
            continue
        yield str(path.relative_to(home)), content


async def records(stack: QuestlogStack) -> list[tuple[str, bytes]]:
    """Every record of every topic, decompressed."""
    configured = of_home(stack.home)
    tail = KafkaTail(stack.demo["kafka"], client_id="test")
    try:
        return [
            (f"{topic.name}[{partition}]", (record.key or b"") + b"\n" + record.value)
            for topic in topics_of(configured)
            for partition in range(topic.partitions)
            async for record in tail.read(topic.name, partition, 0)
        ]
    finally:
        await tail.stop()


def held(stack: QuestlogStack) -> Iterator[tuple[str, bytes]]:
    """Every value of Redis."""
    redis: Any = Redis.from_url(stack.demo["redis_url"])
    for name in redis.scan_iter(count=1000):
        yield f"redis {name!r}", name
        kind = redis.type(name)
        values: Any
        match kind:
            case b"hash":
                values = [part for pair in redis.hgetall(name).items() for part in pair]
            case b"zset":
                values = redis.zrange(name, 0, -1)
            case b"set":
                values = list(redis.smembers(name))
            case b"list":
                values = redis.lrange(name, 0, -1)
            case b"stream":
                values = [repr(one).encode() for one in redis.xrange(name)]
            case _:
                values = [redis.get(name) or b""]
        yield f"redis {name!r}", b"\n".join(values)


def rows(world: World) -> Iterator[tuple[str, bytes]]:
    """Every row of every table in ClickHouse, its logs of queries among them."""
    tables = world.rows("SELECT database, name FROM system.tables WHERE engine LIKE '%MergeTree%'")
    assert tables
    for table in tables:
        name = f"`{table['database']}`.`{table['name']}`"
        answer = world.clickhouse.post("/", content=f"SELECT * FROM {name} FORMAT JSONEachRow")
        assert answer.status_code == 200, answer.text
        yield f"clickhouse {name}", answer.content


def kept_by(world: World, stack: QuestlogStack) -> list[tuple[str, bytes]]:
    return [*files(stack.home), *asyncio.run(records(stack)), *held(stack), *rows(world)]


def test_what_only_one_reader_may_see_is_kept_nowhere_in_the_clear(
    world: World, questlog_stack: QuestlogStack
) -> None:
    secrets = written(world, questlog_stack)
    kept = kept_by(world, questlog_stack)
    public = questlog_stack.demo["studio"]["id"].encode()
    seen = {re.split(r"[/ \[]", where)[0] for where, content in kept if public in content}
    assert seen >= {"kafka", "redis", "clickhouse", "playtests.events"}
    for what, secret in secrets.items():
        assert [where for where, content in kept if secret.encode() in content] == [], what
