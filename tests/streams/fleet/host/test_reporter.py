"""What a host tells the log: custom data of servers that talk without end holds up no other report."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from schemas.codec import Message
from schemas.envelope import Command, Decided
from schemas.fleet.commands import COMMANDS
from schemas.fleet.host_commands import Report, ReportHost
from schemas.fleet.limits import COMMAND_RECORD_BYTES_MAX, CUSTOM_DATA_BYTES_MAX, HOST_REPORTS_MAX
from streams.asking import CommandBuilder
from streams.fleet.host.attempt_reports import CUSTOM_DATA_EVERY_S, AttemptReports
from streams.fleet.host.reporter import Reporter


class Log:
    """Takes each command at once."""

    def __init__(self) -> None:
        self.asked: list[ReportHost] = []

    async def ask(self, command: Command, *, within_s: float) -> Decided:
        del within_s
        assert len(msgspec.msgpack.encode(command)) < COMMAND_RECORD_BYTES_MAX
        asked: Message = COMMANDS.decode(command.type, command.body)
        assert isinstance(asked, ReportHost)
        self.asked.append(asked)
        return Decided(
            command_id=command.command_id, studio_id="", game_id="", keyed=False, fingerprint=b"", events=[]
        )


def told(text: str | None = None, instance_id: str = "one") -> Report:
    return Report(
        instance_id=instance_id, attempt=1, kind="ready" if text is None else "custom-data", custom_data=text
    )


async def test_much_custom_data_goes_in_several_commands_in_order() -> None:
    log = Log()
    builder = CommandBuilder(COMMANDS, clock_ms=lambda: 1, randomness=lambda size: b"r" * size)
    reporter = Reporter(cast("Any", log), builder, host_id="host", epoch=1, held=list)
    texts = [str(number).ljust(CUSTOM_DATA_BYTES_MAX) for number in range(HOST_REPORTS_MAX)]
    for text in texts:
        reporter.add(told(text))
    reporter.add(told(instance_id="another"))
    running = asyncio.create_task(reporter.run())
    while reporter.outstanding and not running.done():  # noqa: ASYNC110 - nothing tells it
        await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.wait([running])
    reports = [report for command in log.asked for report in command.reports]
    assert [report.custom_data for report in reports[:-1]] == texts
    assert (reports[-1].instance_id, reports[-1].kind) == ("another", "ready")


class Attempt:
    """One server's reports, and what became of them."""

    def __init__(self) -> None:
        self.told: list[Report] = []
        self.known: list[Any] = []
        launch = SimpleNamespace(instance_id="one", attempt=1)
        attempt = SimpleNamespace(launch=launch, marked=lambda _: False, folder=Path("/nonexistent"))
        self.reports = AttemptReports(cast("Any", attempt), driver=cast("Any", None), report=self._take)

    def _take(self, report: Report, known: Any) -> None:
        self.told.append(report)
        self.known.append(known)

    def texts(self) -> list[str | None]:
        return [report.custom_data for report in self.told]


@pytest.mark.parametrize("first", ["the log", "the pause"])
async def test_of_custom_data_that_never_ends_the_last_is_told(first: str) -> None:
    attempt = Attempt()
    for number in range(10_000):
        attempt.reports.custom_data(str(number))
    assert attempt.texts() == ["0"]
    if first == "the log":
        attempt.known[0]()
        assert attempt.texts() == ["0"]
        await asyncio.sleep(CUSTOM_DATA_EVERY_S + 0.1)
    else:
        await asyncio.sleep(CUSTOM_DATA_EVERY_S + 0.1)
        assert attempt.texts() == ["0"]
        attempt.known[0]()
    assert attempt.texts() == ["0", "9999"]


async def test_what_a_server_said_last_is_told_before_its_end() -> None:
    attempt = Attempt()
    attempt.reports.custom_data("a")
    attempt.reports.custom_data("b")
    attempt.reports.exited(0)
    assert [(report.kind, report.custom_data) for report in attempt.told] == [
        ("custom-data", "a"),
        ("custom-data", "b"),
        ("exited", None),
    ]
