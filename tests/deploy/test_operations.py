"""An operator's act is in the log before it is done, and is done whatever becomes of the log then."""

from __future__ import annotations

from typing import Final

import pytest

from deploy.operations import recorded_in
from schemas.log import Appended, LogUnavailable
from schemas.operations import BEGAN, OPERATION_VERSION, Operation, decode_operation

ACT: Final = Operation(
    version=OPERATION_VERSION, id="one", act="analysts create", outcome=BEGAN, by="operator ann@console"
)


class GoneAfter:
    """A log that takes so many records and is away then."""

    def __init__(self, records: int) -> None:
        self.left = records
        self.outcomes: list[str] = []

    async def append(self, topic: str, partition: int, value: bytes, key: bytes | None = None) -> Appended:
        assert (topic, partition, key) == ("operations", 0, b"one")
        if self.left == 0:
            raise LogUnavailable("the broker is away")
        self.left -= 1
        self.outcomes.append(decode_operation(value).outcome)
        return Appended(partition=0, offset=len(self.outcomes), appended_at_ms=0)


async def test_what_is_done_is_told_though_its_end_can_t_be_recorded(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = GoneAfter(1)
    async with recorded_in(log, ACT):
        made = "an account"
    assert (made, log.outcomes) == ("an account", ["began"])
    assert caplog.messages == [
        "that `analysts create` ended (done) is not in the log: the broker is away",
    ]


async def test_what_failed_says_why_though_its_end_can_t_be_recorded() -> None:
    log = GoneAfter(1)
    with pytest.raises(ValueError, match="this name is taken"):
        async with recorded_in(log, ACT):
            raise ValueError("this name is taken")
    assert log.outcomes == ["began"]


async def test_nothing_is_done_while_the_log_is_away() -> None:
    done = False
    with pytest.raises(LogUnavailable):
        async with recorded_in(GoneAfter(0), ACT):
            done = True
    assert not done


async def test_both_moments_are_recorded() -> None:
    log = GoneAfter(2)
    async with recorded_in(log, ACT):
        pass
    assert log.outcomes == ["began", "done"]
    log = GoneAfter(2)
    with pytest.raises(KeyError):
        async with recorded_in(log, ACT):
            raise KeyError("a name")
    assert log.outcomes == ["began", "KeyError"]
