"""Shared answers: asked once for all, kept for a moment, never a failure."""

from __future__ import annotations

import asyncio

import pytest

from api.dashboard.answer_cache import SharedAnswers


class Asked:
    def __init__(self) -> None:
        self.times = 0
        self.now_ms = 0
        self.fails = False
        self.gate = asyncio.Event()
        self.gate.set()
        self.answers = SharedAnswers(lambda: self.now_ms, keep_ms=2_000)

    async def compute(self) -> bytes:
        self.times += 1
        await self.gate.wait()
        if self.fails:
            raise ValueError
        return str(self.times).encode()

    async def get(self, key: str = "k") -> bytes:
        return await self.answers.get(key, self.compute)


async def test_many_askers_at_once_are_one_computation() -> None:
    asked = Asked()
    asked.gate.clear()
    waiting = [asyncio.ensure_future(asked.get()) for _ in range(20)]
    await asyncio.sleep(0)
    asked.gate.set()
    assert set(await asyncio.gather(*waiting)) == {b"1"}
    assert await asked.get("another") == b"2"


async def test_an_answer_is_kept_for_its_time_and_no_longer() -> None:
    asked = Asked()
    await asked.get()
    asked.now_ms = 1_999
    assert await asked.get() == b"1"
    asked.now_ms = 2_000
    assert await asked.get() == b"2"
    asked.now_ms = 0
    assert await asked.get() == b"3", "a clock that stepped back does not keep an answer for ever"


async def test_a_failure_is_not_kept() -> None:
    asked = Asked()
    asked.fails = True
    with pytest.raises(ValueError):  # noqa: PT011 - it carries nothing
        await asked.get()
    asked.fails = False
    assert await asked.get() == b"2"


async def test_who_hangs_up_does_not_take_the_answer_from_others() -> None:
    asked = Asked()
    asked.gate.clear()
    first, second = asyncio.ensure_future(asked.get()), asyncio.ensure_future(asked.get())
    await asyncio.sleep(0)
    first.cancel()
    asked.gate.set()
    assert await second == b"1"
