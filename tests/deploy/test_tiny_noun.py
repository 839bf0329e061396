"""A noun is its own packages and one line: the tiny one gets everything that loops over the table of nouns.

The stack runs with `tests/deploy/tiny` added to the table of every process and nothing else changed.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from projections.clickhouse import migrations
from schemas.dead_letters import DEAD_LETTER_VERSION, DeadLetter, append_dead_letter
from schemas.envelope import Command
from streams.runtime.partition_reads import KafkaTail
from streams.runtime.producer import KafkaAppender
from tests import plain_http
from tests.deploy.tiny.noun import COMMANDS, SQL, Add
from tests.outside.world import eventually
from tests.stack import QuestlogStack, questlog_up

pytestmark = pytest.mark.stack

SITE = Path(__file__).parent / "tiny" / "site"
ROOT = Path(__file__).parents[2]
CHECKS: list[Any] = [
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QuestlogStack]:
    sql = tmp_path_factory.mktemp("tiny-sql")
    for path in migrations.FOLDER.glob("*.sql"):
        shutil.copy(path, sql)
    (sql / f"{len(migrations.read()) + 1:04}_tiny.sql").write_text(SQL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", f"{SITE}:{ROOT}")
        patch.setenv("TINY_SQL", str(sql))
        patch.setenv("QUESTLOG_PARTITIONS_TINY", "2")
        with questlog_up(tmp_path_factory.mktemp("tiny")) as running:
            yield running


@pytest.fixture(scope="module")
def http(stack: QuestlogStack) -> Iterator[httpx.Client]:
    key = stack.demo["keys"]["relay_lo_srv"]
    headers = {"authorization": f"Bearer {key}"}
    with plain_http.client(base_url=stack.base_url, timeout=30.0, headers=headers) as client:
        yield client


def questlog(stack: QuestlogStack, *arguments: str) -> str:
    ran = subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-m", "deploy.cli", *arguments, "--home", str(stack.home)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=os.environ,
    )
    assert ran.returncode == 0, ran.stderr + ran.stdout
    return ran.stdout


def test_its_topics_are_there_with_the_count_that_its_variable_says(stack: QuestlogStack) -> None:
    async def ends() -> list[int]:
        tail = KafkaTail(stack.demo["kafka"])
        try:
            return [
                await tail.end_offset(topic, partition)
                for topic in ("tiny.commands", "tiny.events")
                for partition in (0, 1)
            ]
        finally:
            await tail.stop()

    assert len(asyncio.run(ends())) == 4
    assert json.loads((stack.home / "settings.json").read_bytes())["partitions"]["tiny"] == 2


def test_what_is_written_is_read_from_redis_and_told_in_clickhouse(
    stack: QuestlogStack, http: httpx.Client
) -> None:
    for amount, total in ((3, 3), (4, 7)):
        answer = http.post("/api/tiny/counters/plain", json={"amount": amount})
        assert (answer.status_code, answer.json()) == (200, {"counter": "plain", "total": total})
        assert http.get("/api/tiny/counters/plain").json() == answer.json()
    query = "SELECT sum(amount) FROM questlog.tiny_added FINAL WHERE counter = 'plain'"

    def told() -> str:
        return plain_http.post(stack.demo["clickhouse_url"], content=query).text

    eventually(told, "7\n".__eq__)


def test_its_paths_have_its_error_shape_and_its_cors(http: httpx.Client) -> None:
    missing = http.get("/api/tiny/counters/none", headers={"origin": "https://a.example"})
    assert (missing.status_code, missing.json()["tiny"]) == (404, "not_found")
    for method, path in (("GET", "/api/tiny/nothing"), ("POST", "/api/tiny/nothing")):
        answer = http.request(method, path, headers={"origin": "https://a.example"})
        assert (answer.status_code, answer.json()["tiny"]) == (404, "not_found")
        assert answer.headers["access-control-allow-origin"] == "*"
    assert http.get("/api/tiny/counters/%E9").json()["tiny"] == "invalid_payload"
    assert http.request("DELETE", "/api/tiny/counters/a").status_code == 405
    assert http.options("/api/tiny/counters/a", headers={"origin": "https://a"}).status_code == 204


def test_its_lag_is_known(http: httpx.Client) -> None:
    def lags() -> dict[str, Any]:
        told = http.get("/readyz").json()["projections"]
        return {one["name"]: one for one in told}

    mine = {"decider:tiny", "redis:tiny", "clickhouse:tiny"}
    found = eventually(
        lags, lambda told: mine <= told.keys() and all(told[name]["lagRecords"] == 0 for name in mine)
    )
    assert {found[name]["state"] for name in mine} == {"ready"}


def test_its_dead_letters_are_replayed(stack: QuestlogStack, http: httpx.Client) -> None:
    command = Command(
        command_id="dead",
        type=Add.WIRE,
        aggregate_id="dead",
        studio_id="studio",
        game_id="",
        body=COMMANDS.encode(Add(counter="dead", amount=5)),
        at_ms=time.time_ns() // 1_000_000,
        seed=bytes(16),
        fingerprint=b"f",
        keyed=False,
    )
    letter = DeadLetter(
        version=DEAD_LETTER_VERSION,
        topic="tiny.commands",
        partition=1,
        offset=7,
        index=0,
        reader="tiny",
        reason="undecodable-command",
        error="no",
        appended_at_ms=command.at_ms,
        key=None,
        body=msgspec.msgpack.encode(command),
    )

    async def bury() -> None:
        appender = KafkaAppender(stack.demo["kafka"])
        await append_dead_letter(appender, letter)
        await appender.stop()

    asyncio.run(bury())
    assert "dead#r1: 200" in questlog(stack, "dlq", "replay", letter.id)
    assert http.get("/api/tiny/counters/dead").json()["total"] == 5


def test_it_is_built_again_and_compared(stack: QuestlogStack) -> None:
    for options in (("--verify",), ()):
        told = json.loads(questlog(stack, "rebuild", "all", "--json", *options))
        mine = {one["store"]: one for one in told if one["noun"] == "tiny"}
        assert mine.keys() == {"redis", "clickhouse"}
        assert all(one["records"] >= 3 and not one["different"] for one in mine.values())
        assert all(one["swapped"] is not bool(options) for one in mine.values())
    assert mine["clickhouse"]["records"] == mine["redis"]["records"]


def test_it_has_snapshots(stack: QuestlogStack) -> None:
    made = [json.loads(line) for line in questlog(stack, "snapshot", "--json").splitlines()]
    assert [one["partition"] for one in made if one["noun"] == "tiny"] == [0, 1]


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_its_document_holds(stack: QuestlogStack, http: httpx.Client, mode: GenerationMode) -> None:
    document = http.get("/docs/tiny/openapi.json").json()
    assert sorted(document["paths"]["/api/tiny/counters/{counter}"]) == ["get", "post"]
    for operation in document["paths"]["/api/tiny/counters/{counter}"].values():
        operation.pop("security")  # the key is given below
    listed: list[Any] = list(schemathesis.openapi.from_dict(document).get_all_operations())
    assert len(listed) == 2

    def examine(operation: Any, checks: list[Any]) -> None:
        @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        @given(operation.as_strategy(generation_mode=mode))
        def holds(case: Any) -> None:
            case.call_and_validate(base_url=stack.base_url, headers=dict(http.headers), checks=checks)

        holds()

    for operation in (one.ok() for one in listed):
        if mode is GenerationMode.POSITIVE:
            examine(operation, CHECKS)
        elif operation.method.upper() == "POST":
            examine(operation, [*CHECKS, negative_data_rejection])
