"""The embedded stack after a loss of power: the log's end is gone, of commands, events or telemetry."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest
from redis import Redis

from deploy.stack.ports import free_port
from projections.lag import KEPT_SECONDS
from schemas.liveops.noun import LIVEOPS_COMMANDS, LIVEOPS_EVENTS
from schemas.studio.noun import STUDIO_COMMANDS, STUDIO_EVENTS
from schemas.telemetry.noun import TELEMETRY
from tests import plain_http
from tests.faults.lost_records import batches, delete_records, end_offset, lose
from tests.outside.players import SdkPlayer
from tests.outside.world import World
from tests.stack import QuestlogStack, questlog_up

pytestmark = pytest.mark.stack


def questlog(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"QUESTLOG_PARTITIONS_LIVEOPS": str(LIVEOPS_COMMANDS.partitions)}
    return subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-m", "deploy.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
        env=environment,
    )


def up(home: Path) -> subprocess.CompletedProcess[str]:
    """An `up` that is expected to end by itself."""
    ports = [
        word
        for name in ("--port", "--kafka-port", "--redis-port", "--clickhouse-port")
        for word in (name, str(free_port()))
    ]
    return questlog("up", "--home", str(home), *ports)


def counts_of_events(home: Path) -> dict[int, int]:
    """How many records each partition of liveops has."""
    return {p: len(batches(home, LIVEOPS_EVENTS.name, p)) for p in range(LIVEOPS_EVENTS.partitions)}


def busiest(home: Path, *, beyond: Mapping[int, int] | None = None) -> int:
    """The partition of liveops that has got the most records, or the most beyond those."""
    counts, before = counts_of_events(home), beyond or {}
    return max(counts, key=lambda partition: counts[partition] - before.get(partition, 0))


def gold(player: SdkPlayer) -> int:
    (held,) = player.get("wallet").json()["wallet"]
    return int(held["balance"])


def key_of(home: Path, idempotency_key: str) -> str:
    said = questlog(
        *("keys", "create", "lo_srv", "--studio", "demo", "--game", "relay", "--home", str(home)),
        *("--idempotency-key", idempotency_key),
    )
    assert said.returncode == 0, said.stderr
    return said.stdout


def play(stack: QuestlogStack, external_id: str, credits_: int) -> SdkPlayer:
    player = SdkPlayer(World(stack.demo), external_id)
    for _ in range(credits_):
        player.credit(10)
    return player


def send_telemetry(stack: QuestlogStack, count: int) -> None:
    """Events named `Lost`, one request each."""
    event = {
        "event_name": "Lost",
        "app_id": stack.demo["games"][0]["id"],
        "build_id": "1",
        "player_id": "me",
        "session_id": "s",
    }
    headers = {
        "x-public-token": stack.demo["keys"]["public_token"],
        "content-type": "application/msgpack",
    }
    for _ in range(count):
        body = event | {"timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
        assert plain_http.post(
            f"{stack.base_url}/api/events", content=msgspec.msgpack.encode(body), headers=headers
        ).is_success


def returning(stack: QuestlogStack, player: SdkPlayer) -> SdkPlayer:
    again = SdkPlayer(World(stack.demo), player.external_id, register=False)
    again.secret = player.secret
    return again


def close(player: SdkPlayer) -> None:
    player.world.http.close()
    player.world.clickhouse.close()


@pytest.mark.timeout(600)
def test_what_a_loss_of_power_took_is_mended_repaired_or_refused(tmp_path: Path) -> None:
    """One home through three losses: each is of a log that has been through those before."""
    with questlog_up(tmp_path) as stack:
        player = play(stack, "lost-commands", 4)
        created = key_of(tmp_path, "before")
        close(player)
    lose(tmp_path, LIVEOPS_COMMANDS.name, busiest(tmp_path), 2)
    lose(tmp_path, STUDIO_COMMANDS.name, 0)
    with questlog_up(tmp_path) as stack:
        _decided_commands_were_mended_by_up_itself(stack, player, created)
        events = counts_of_events(tmp_path)
        player = play(stack, "lost-events", 6)
        send_telemetry(stack, 3)
        _until_applied(stack, player)
        close(player)
    partition = busiest(tmp_path, beyond=events)
    owed = _studio_commands_owed(tmp_path)
    lose(tmp_path, LIVEOPS_EVENTS.name, partition, 3)  # two of them are in the commands still
    lose(tmp_path, LIVEOPS_COMMANDS.name, partition, 1)
    lose(tmp_path, TELEMETRY.name, 0, len(batches(tmp_path, TELEMETRY.name, 0)))
    _what_was_answered_is_repaired_on_request_and_told(tmp_path, partition)
    with questlog_up(tmp_path) as stack:
        again = returning(stack, player)
        assert gold(again) == 50  # one credit of six is gone, the two others were decided again alike
        again.credit(5)
        assert gold(again) == 55
        verified = questlog("rebuild", "all", "--verify", "--home", str(tmp_path))
        assert verified.returncode == 0, verified.stdout + verified.stderr
        assert _studio_commands_owed(tmp_path) == owed
        _until_applied(stack, again, lost=0)
        close(again)
        end = asyncio.run(end_offset(stack.demo["kafka"], LIVEOPS_EVENTS.name, partition))
        asyncio.run(delete_records(stack.demo["kafka"], LIVEOPS_EVENTS.name, partition, before=end))
        with Redis.from_url(stack.demo["redis_url"]) as redis:
            assert redis.delete("webhooks:positions")
    _a_store_that_needs_records_from_before_the_logs_beginning_is_no_repair(tmp_path, partition, end)


def _decided_commands_were_mended_by_up_itself(stack: QuestlogStack, player: SdkPlayer, created: str) -> None:
    again = returning(stack, player)
    assert gold(again) == 40
    again.credit(5)  # at an offset past the lost ones: it is decided
    assert gold(again) == 45
    assert key_of(stack.home, "before") == created
    (report,) = _reports(stack.home)
    lost = json.loads(report.read_text())
    assert {line["topic"] for line in lost["commands"]} == {LIVEOPS_COMMANDS.name, STUDIO_COMMANDS.name}
    assert len(lost["commands"]) == 3
    assert lost["positions"] == []
    close(again)


def _what_was_answered_is_repaired_on_request_and_told(home: Path, partition: int) -> None:
    before = _reports(home)
    refused = up(home)
    assert refused.returncode == 1
    assert "questlog up --repair" in refused.stdout
    assert f"{LIVEOPS_EVENTS.name}[{partition}]" in refused.stdout
    assert _reports(home) == before
    repaired = questlog("repair", "--home", str(home))
    assert repaired.returncode == 0, repaired.stdout + repaired.stderr
    (report,) = _reports(home) - before
    lost = json.loads(report.read_text())
    assert {one["store"] for one in lost["positions"]} >= {"redis", "clickhouse", "webhooks"}
    assert lost["decided"] == {f"{LIVEOPS_COMMANDS.name}[{partition}]": 2}
    assert lost["answers_that_differ"] == []
    assert len(lost["answers_forgotten"]) == 1
    rows = (report.parent / "events.ndjson").read_text().splitlines()
    assert {json.loads(row)["event_name"] for row in rows} == {"Lost"}


def _a_store_that_needs_records_from_before_the_logs_beginning_is_no_repair(
    home: Path, partition: int, begins: int
) -> None:
    before = _reports(home)
    for ended in (questlog("repair", "--home", str(home)), up(home)):
        assert ended.returncode == 1
        assert f"{LIVEOPS_EVENTS.name}[{partition}] up to offset 0" in ended.stdout
        assert f"begins at {begins}" in ended.stdout
        assert "Nothing was changed" in ended.stdout
    assert _reports(home) == before


def _reports(home: Path) -> set[Path]:
    """What repairs of this home have told."""
    return set((home / "lost").glob("*/report.json"))


def _studio_commands_owed(home: Path) -> int:
    """How many more commands than events the studio's log has: none is decided twice, or never."""
    return len(batches(home, STUDIO_COMMANDS.name, 0)) - len(batches(home, STUDIO_EVENTS.name, 0))


def _until_applied(stack: QuestlogStack, player: SdkPlayer, *, lost: int = 3) -> None:
    """Everything is in the stores, and every position is kept."""
    begun = time.monotonic()
    deadline = begun + 180
    count = "SELECT count() AS n FROM events WHERE event_name = 'Lost'"
    while True:
        answer = plain_http.get(f"{stack.base_url}/readyz").json()
        behind = {one["name"]: one["lagRecords"] for one in answer["projections"]}
        applied = int(player.world.rows(count)[0]["n"]) == lost
        # Null where a store did not answer in time: nothing is known then. What is shown may be a second old.
        fresh = time.monotonic() > begun + 2 * KEPT_SECONDS
        if (
            fresh
            and applied
            and all(lag == 0 for name, lag in behind.items() if name != "clickhouse:telemetry")
        ):
            return
        assert time.monotonic() < deadline, answer
        time.sleep(0.2)
