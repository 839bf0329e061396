"""What only one reader may see is nowhere in the clear: log, Redis, ClickHouse, objects, snapshots, files.

Everything goes through the running stack: an order with keys, applications, keys by links, a claim. Then all
that is kept is read, as bytes and decoded: a compressed record, part or snapshot would hide a clear text. So
is what leaves it: the bodies of webhooks, an export, and dead letters of the commands that carried it all.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from deploy.cli.running_stack import of_home
from deploy.nouns import topic_of, topics_of
from schemas.identifiers import partition_of
from schemas.playtests.names import partition_key
from schemas.playtests.noun import PLAYTESTS_COMMANDS
from streams.runtime.partition_reads import KafkaTail
from streams.runtime.producer import KafkaAppender
from tests.outside.batches import BatchStudio, Person
from tests.outside.playtests import Owner, new_playtester
from tests.outside.projects import Project
from tests.outside.world import World, eventually
from tests.stack import QuestlogStack
from tests.walking import all_below

pytestmark = pytest.mark.stack
OWNED = "demo.json"
"""Holds keys and links on purpose, for its owner alone (mode 0600)."""


def marked(kind: str) -> str:
    """A text that can't be found by chance, and in no other form."""
    return f"{kind}-{uuid.uuid4().hex}"


class Receiver:
    """A studio's server: keeps every byte that is posted to it."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.posted.append((json.loads(body)["event"], bytes(self.headers) + body))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing: a test's output is its own."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"

    def events(self) -> set[str]:
        return {event for event, _ in self.posted}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def written(world: World, studio: BatchStudio) -> dict[str, str]:
    """What nothing may hold in the clear, by what it is."""
    owner = Owner(world, studio.new_key("wpg_sk"))
    ann, bob = (new_playtester(world, studio.stack, studio.slug) for _ in range(2))
    secrets = {
        "owner's key": owner.key,
        "management key": studio.management,
        "ingest key": studio.ingest_key,
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
        "AI key": marked("sk"),
        "AI key for vectors": marked("sk"),
        "game servers' key": studio.new_key("pf", "--game", "arena"),
        "registry's password": marked("password"),
        "variable of settings": marked("value"),
        "variable of a start": marked("value"),
    }
    hosted(world, secrets)
    for use, what in (("chat", "AI key"), ("embedding", "AI key for vectors")):
        said = studio.say(
            "ai", "key", "set", "--for", use, "--studio", studio.slug, given=secrets[what] + "\n"
        )
        assert secrets[what] not in said
    order = owner.order("arena", keysForTesters=[secrets["game key"], secrets["spare game key"]])
    added = {"keysForTesters": [secrets["added game key"]]}
    assert owner.call("PATCH", f"/playtests/{order['id']}", added).status_code == 200
    slot = ann.claim(order["id"])
    assert ann.get(f"/playtests/me/slots/{slot['id']}")["slot"]["gameKey"] == secrets["game key"]
    ann.submit(slot["id"])
    owner.post(f"/playtests/slots/{slot['id']}/accept")
    manual = owner.order("arena", selectionMode="manual")
    bob.apply(manual["id"], secrets["qualifications"])
    (applied,) = owner.get(f"/playtests/{manual['id']}/applications")["applications"]
    assert applied["qualificationsResponse"] == secrets["qualifications"]
    return secrets | redeemed(studio, secrets)


def hosted(world: World, secrets: dict[str, str]) -> None:
    """Variables of a project and of a start, and an image whose registry no host may reach."""
    project = Project(world, secrets["game servers' key"])
    variables = {"TOKEN": secrets["variable of settings"]}
    settings = project.ok("POST", "/v3/projects/settings", {"environment_variables": variables})
    assert settings["environment_variables"] == variables
    account = {"username": "robot", "password": secrets["registry's password"]}
    image = {"image_url": "127.0.0.1:1/none:latest", "name": "image", "registry_credentials": account}
    made = project.ok("POST", "/v3/builds/docker-image", image, status=201)
    build = f"/v3/builds/{made['build_id']}"
    eventually(lambda: project.ok("GET", build)["status"], lambda status: status == "failed", within_s=60)
    start = {"name": "one", "region": "eu-west", "version_tag": "image"}
    variables = {"TOKEN": secrets["variable of a start"]}
    refused = project.refused("POST", "/v3/servers/start", start | {"environment_variables": variables})
    assert refused == (404, "not_found")


def redeemed(studio: BatchStudio, secrets: dict[str, str]) -> dict[str, str]:
    """Two keys that were handed out by links; the links' and claims' tokens."""
    studio.add("ptb_press", secrets["code"])
    studio.keys("mint", "arena", "ptb_open", "1")
    link = studio.invite("ptb_press", secrets["e-mail"], note=secrets["note"])[secrets["e-mail"]]
    share = studio.share()
    person = Person(**{"user-agent": secrets["user agent"]})
    assert secrets["note"] in person.http.get(link).text
    form = {"handle": marked("a")[:20], "email": secrets["other e-mail"]}
    page = person.http.post(link, data=form)
    assert page.status_code == 200
    found = re.search('<code id="key">(.*?)</code>', page.text)
    assert found is not None
    assert found[1] == secrets["code"]
    given = person.redeem(share, handle=marked("b")[:20]).json()
    assert studio.claim(given["claimToken"], "d1").status_code == 200
    body = {"gameId": "arena", "code": given["key"]}
    checked = studio.world.ingest(body, path="/api/v1/playtest/validate", key=studio.ingest_key)
    assert checked.json() == {"valid": True}
    keys = studio.get("/batches/arena/ptb_press/keys")["keys"]
    assert keys[0]["redeemed_by_email"] == secrets["other e-mail"]
    studio.play(marked("sess_"), "d1", int(time.time() * 1000))
    for call, status in (({"channel_id": "1", "game": "arena"}, 201), ({}, 400)):
        query = {"key": studio.management}
        assert studio.world.http.post("/api/webhooks/discord", json=call, params=query).status_code == status
    return {
        "shared code": given["key"],
        "invite's token": link.rpartition("/")[2],
        "share token": share.rpartition("/")[2],
        "claim token": given["claimToken"],
    }


def exported(world: World, studio: BatchStudio) -> Path:
    """The file of an export with the game's telemetry.

    Another test may have begun this minute's export before the telemetry came: then the next one holds it.
    """

    def landed() -> list[Path]:
        assert world.http.post("/api/export").status_code == 202
        exports = f"/{studio.game['id']}/exports/"
        return [
            path for path in all_below(studio.stack.home) if path.suffix == ".ndjson" and exports in str(path)
        ]

    return eventually(landed, bool, within_s=100)[0]


async def dead(stack: QuestlogStack, studio_id: str) -> None:
    """Append what can't be read: every record of the studio's commands, cut off."""
    configured = of_home(stack.home)
    topic = topic_of(configured, PLAYTESTS_COMMANDS)
    partition = partition_of(partition_key(studio_id), topic.partitions)
    tail = KafkaTail(configured.kafka, client_id="test")
    appender = KafkaAppender(configured.kafka, client_id="test")
    try:
        own = [
            record.value
            async for record in tail.read(topic.name, partition, 0)
            if studio_id.encode() in record.value
        ]
        assert own
        for value in own:
            await appender.append(topic.name, partition, value[:-1])
    finally:
        await tail.stop()
        await appender.stop()


def files(home: Path) -> Iterator[tuple[str, bytes]]:
    """Every file of the home: log segments, stores' files, objects, snapshots, processes' logs."""
    for path in all_below(home):
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
    world: World, questlog_stack: QuestlogStack, receiver: Receiver, tmp_path: Path
) -> None:
    studio = BatchStudio(world, questlog_stack, tmp_path, webhook=receiver.url)
    secrets = written(world, studio)
    eventually(
        receiver.events,
        lambda events: events >= {"key.redeemed", "slot.accepted", "application.created"},
        within_s=60,
    )
    export = exported(world, studio)
    public = studio.game["userId"]
    asyncio.run(dead(questlog_stack, public))

    def letters() -> int:
        return sum(
            public.encode() in content
            for where, content in asyncio.run(records(questlog_stack))
            if where.startswith("dead-letters")
        )

    eventually(letters, bool, within_s=120)
    # Rows come to ClickHouse behind the answers.
    keys = "SELECT count() AS n FROM playtest_keys WHERE studio_id = {studio:String}"
    eventually(lambda: int(world.rows(keys, studio=public)[0]["n"]), bool)
    kept = kept_by(world, questlog_stack)
    kept += [("webhooks", content) for _, content in receiver.posted]
    seen = {re.split(r"[/ \[]", where)[0] for where, content in kept if public.encode() in content}
    assert seen >= {"redis", "clickhouse", "playtests.commands", "playtests.events", "dead-letters"}
    sealed = [where for where, content in kept if b"ai-key" in content and public.encode() in content]
    assert {re.split(r"[/ \[]", where)[0] for where in sealed} >= {"studio.commands", "studio.events"}
    assert any(studio.game["id"].encode() in content for where, content in kept if where == "webhooks")
    assert studio.game["id"] in export.parts
    assert b"s1_event" in export.read_bytes()
    for what, secret in secrets.items():
        assert [where for where, content in kept if secret.encode() in content] == [], what
