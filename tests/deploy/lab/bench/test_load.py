"""The load generator against a sink: what it sends, counts, refuses to do."""

from __future__ import annotations

import array
import asyncio
import fcntl
import os
import random
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import msgspec
import pytest

from deploy.lab.bench import mix
from deploy.lab.bench.calls import CallOrder, Target
from deploy.lab.bench.ingest import load
from deploy.lab.bench.load import Order, OrderRefusedError, Result, Run, check, percentile
from deploy.lab.bench.relay import read_relay
from tests.deploy.lab.bench.sink import sink

TOKEN = "pub"  # noqa: S105 - the sink takes any
PIPE_BYTES = 4096
APP = "72ab8f81-ef36-4712-a046-399a62b9afaa"


def order(url: str, /, **changes: object) -> Order:
    plain = Order(url=url, token=TOKEN, app_id=APP, seconds=0.3, connections=4, batch=100, bodies=8)
    return msgspec.structs.replace(plain, **changes)


async def test_it_counts_what_was_accepted_and_no_more() -> None:
    async with sink() as served:
        served.statuses = [200, 503, 429]
        result = await Run(order(served.url)).go()
    assert result.requests == len(served.bodies) - 2
    assert result.events == 100 * result.requests
    assert result.rows == {
        table: rows * result.requests
        for table, rows in {
            "events": 80,
            "funnel_steps": 10,
            "performance": 9,
            "positions": 90,
            "players": 1,
        }.items()
    }
    assert result.refused == {"503": 1, "429": 1}
    assert result.latencies_ms == sorted(result.latencies_ms)
    assert all(b"x-public-token: pub\r\n" in head for head in served.heads)


async def test_bodies_are_varied_and_each_holds_the_mix() -> None:
    made = mix.bodies(APP, batch=100, count=8, now_ms=1_790_000_000_000, random=random.Random(1))
    assert len({body.data for body in made}) == 8
    for body in made:
        items = msgspec.msgpack.decode(body.data)
        assert {item["app_id"] for item in items} == {APP}
        assert sum("funnel_step_name" in item for item in items) == 10
        assert sum("positions" in item for item in items) == 9
        assert len({item["player_id"] for item in items}) <= mix.PLAYERS_A_BODY
    assert mix.rows_of(100) == made[0].rows


async def test_single_events_are_one_map_each() -> None:
    async with sink() as served:
        await Run(order(served.url, batch=1, requests_max=5)).go()
    assert [type(msgspec.msgpack.decode(body)) for body in served.bodies] == [dict] * 5


async def test_a_rate_is_held() -> None:
    async with sink() as served:
        result = await Run(order(served.url, rate=20_000, seconds=0.5)).go()
    assert 80 <= result.requests <= 101


async def test_it_connects_again_when_the_server_hangs_up() -> None:
    async with sink() as served:
        first = await Run(order(served.url, requests_max=3)).go()
    assert first.requests == 3
    gone = await Run(order(served.url)).go()
    assert gone.requests == 0
    assert gone.refused["no connection"] > 0


async def test_it_runs_as_a_process_of_its_own() -> None:
    async with sink() as served:
        result = await load(order(served.url))
    assert result.events == 100 * len(served.bodies)
    assert result.cpu_seconds > 0
    assert sys.executable


@pytest.mark.parametrize("generator", ["load", "calls"])
async def test_a_result_is_whole_although_its_write_to_a_full_pipe_is_interrupted(generator: str) -> None:
    """Of an unbuffered Python, as containers have it."""
    async with sink() as served:
        asked: Order | CallOrder = order(served.url, batch=1, seconds=0.5)
        if generator == "calls":
            targets = [Target("/sdk/v1/ping", body='{"amount":1,')]
            asked = CallOrder(url=served.url, token=TOKEN, targets=targets, seconds=0.5, connections=4)
        written = await asyncio.to_thread(interrupted, f"deploy.lab.bench.{generator}", asked)
    result = msgspec.json.decode(written, type=Result)
    assert len(written) > 2 * PIPE_BYTES
    assert len(result.latencies_ms) == result.requests > 0


def interrupted(module: str, asked: Order | CallOrder) -> bytes:
    """What a generator writes, stopped and continued while its pipe is full."""
    command = [sys.executable, "-m", module]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    pipe = subprocess.PIPE
    with subprocess.Popen(  # noqa: S603 - our own
        command, stdin=pipe, stdout=pipe, pipesize=PIPE_BYTES, env=environment
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(msgspec.json.encode(asked))
        process.stdin.close()
        while unread_bytes(process.stdout.fileno()) < PIPE_BYTES and process.poll() is None:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)
        os.kill(process.pid, signal.SIGCONT)
        return process.stdout.read()


def unread_bytes(descriptor: int) -> int:
    (count,) = array.array("i", fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4)))
    return count


@pytest.mark.parametrize(
    "changes",
    [
        {"url": "http://example.com:4000"},
        {"url": "http://10.0.0.1:4000"},
        {"seconds": 1e9},
        {"connections": 100_000},
        {"batch": 20_000},
    ],
)
def test_itloads_only_this_machine_and_only_so_much(changes: dict[str, object]) -> None:
    with pytest.raises(OrderRefusedError):
        check(order("http://localhost:4000", **changes))


def test_percentiles_of_few_and_of_none() -> None:
    assert percentile([], 0.99) == 0
    assert percentile([1.0], 0.99) == 1
    assert percentile([float(n) for n in range(100)], 0.5) == 50


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"base_url": "http://localhost:4000"}'])
def test_another_shape_of_demo_json_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "demo.json").write_text(text)
    with pytest.raises(ValueError, match=r"is not a demo\.json"):
        read_relay(tmp_path)
