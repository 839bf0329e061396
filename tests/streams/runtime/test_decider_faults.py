"""The decider is killed, stopped and doubled while commands come in: every command has one outcome."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from schemas.topics import Topic
from streams.deciders.fold import Fold, read_events_record
from streams.deciders.studio import STUDIO
from streams.deciders.studio_state import StudioState
from streams.runtime.partition_reads import KafkaTail
from streams.runtime.producer import KafkaAppender
from tests.streams.deciders.given import command_of, define, game, record_of
from tests.streams.runtime.running import create_topic

pytestmark = pytest.mark.stack


class World:
    """A command topic, an events topic, and what is asked on them."""

    def __init__(self, kafka: str, home: Path, commands: Topic, events: Topic) -> None:
        self.kafka = kafka
        self.home = home
        self.commands = commands
        self.events = events
        self.appender = KafkaAppender(kafka)
        self.tail = KafkaTail(kafka)
        self.asked = 0

    async def start(self, instance: str = "0") -> Process:
        command = [sys.executable, "-m", "tests.streams.runtime.decider_process", self.kafka, str(self.home)]
        command += [instance, self.commands.name, self.events.name]
        with (self.home / f"decider-{instance}.log").open("ab") as log:
            return await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)

    async def ask(self, count: int) -> None:
        for _ in range(count):
            now_ms = time.time_ns() // 1_000_000
            command = command_of(define(f"s{self.asked}", game("doom")), f"c{self.asked}", at_ms=now_ms)
            await self.appender.append(self.commands.name, 0, record_of(command))
            self.asked += 1

    async def answered(self) -> int:
        """How many command records are answered, by the rule every reader follows."""
        return (await self.fold()).cursor.src + 1

    async def fold(self) -> Fold[StudioState]:
        fold = Fold(STUDIO)
        async for record in self.tail.read(self.events.name, 0, 0):
            fold.accept(record)
        return fold

    async def all_answered(self, patience_s: float) -> None:
        async with asyncio.timeout(patience_s):
            while await self.answered() < self.asked:  # noqa: ASYNC110 - another process answers
                await asyncio.sleep(0.1)

    async def check(self) -> None:
        """Each command once, in order, whatever else was appended."""
        assert await self.answered() == self.asked
        state = (await self.fold()).state
        slugs = sorted(studio.slug for studio in state.studios.values())
        assert slugs == sorted(f"s{number}" for number in range(self.asked))
        sources = [read_events_record(record).src async for record in self.tail.read(self.events.name, 0, 0)]
        assert set(sources) == set(range(self.asked))

    async def stop(self) -> None:
        await self.appender.stop()
        await self.tail.stop()


@pytest.fixture
async def world(kafka: str, tmp_path: Path) -> AsyncIterator[World]:
    world = World(kafka, tmp_path, await create_topic(kafka), await create_topic(kafka))
    yield world
    await world.stop()


async def end(process: Process) -> int:
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(30):
        return await process.wait()


async def test_kills_lose_nothing_and_double_nothing(world: World) -> None:
    chance = random.Random(7)  # a seed to repeat a failure with
    for _ in range(3):
        process = await world.start()
        before = await world.answered()
        asking = asyncio.ensure_future(world.ask(150))
        async with asyncio.timeout(30):
            while await world.answered() <= before + chance.randrange(60):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        process.kill()
        await process.wait()
        await asking
    process = await world.start()
    await world.all_answered(30)
    assert await end(process) == 0
    await world.check()
    assert list((world.home / "snapshots").rglob("*.snapshot"))


async def test_a_worker_stopped_past_its_session_does_no_harm(world: World) -> None:
    zombie = await world.start("0")
    await world.ask(50)
    await world.all_answered(30)
    heir = await world.start("1")
    asking = asyncio.ensure_future(world.ask(300))
    zombie.send_signal(signal.SIGSTOP)
    await asking
    await world.all_answered(40)
    zombie.send_signal(signal.SIGCONT)
    await world.ask(50)
    workers = {"0": zombie, "1": heir}
    ended: list[int] = []
    async with asyncio.timeout(40):
        while await world.answered() < world.asked:
            for instance, process in workers.items():
                if process.returncode is not None:  # it saw the other write; a supervisor starts it
                    ended.append(process.returncode)
                    workers[instance] = await world.start(instance)
            await asyncio.sleep(0.1)
    assert all(code == 70 for code in ended)
    for process in workers.values():
        await end(process)
    await world.check()
