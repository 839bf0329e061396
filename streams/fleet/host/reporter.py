"""Tells the log what the agent has seen: at once where something happened, and every 5 s that it lives."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from schemas.fleet.host_commands import BuildAttempt, BuildReport, Report, ReportHost
from schemas.fleet.limits import HOST_REPORTS_BYTES_MAX, HOST_REPORTS_EVERY_MS, HOST_REPORTS_MAX
from schemas.fleet.names import host_aggregate
from schemas.log import LogUnavailable
from schemas.outcomes import failure, rejection
from streams.asking import CommandBuilder
from streams.fleet.host.log import HostLog

_log: Final = logging.getLogger(__name__)
_ANSWER_S: Final = 5.0
_GATHER_S: Final = 0.01
"""So long a report waits for others: servers that were started together are ready together."""


class Fenced(Exception):
    """Another agent serves this host, or the log has given it up: this process must end."""


class Reporter:
    """Reports of one epoch, in the order they were added. What has no answer is told again."""

    def __init__(
        self,
        log: HostLog,
        builder: CommandBuilder,
        *,
        host_id: str,
        epoch: int,
        held: Callable[[], list[str]],
        processing: Callable[[], list[BuildAttempt]] = list,
        every_s: float = HOST_REPORTS_EVERY_MS / 1000,
    ) -> None:
        """`held` gives the hashes of the builds that are here, `processing` what this host is at."""
        self._log = log
        self._builder = builder
        self._host_id = host_id
        self._epoch = epoch
        self._held = held
        self._processing = processing
        self._told_held: list[str] | None = None
        self._every_s = every_s
        self._reports: list[tuple[Report, Callable[[], None]]] = []
        self._build_reports: list[BuildReport] = []
        self._wake = asyncio.Event()

    def add(self, report: Report, known: Callable[[], None] = lambda: None) -> None:
        """The log is told; `known` is called once that was decided, whatever came of it."""
        self._reports.append((report, known))
        self._wake.set()

    def add_build(self, report: BuildReport) -> None:
        """The log is told what came of processing."""
        self._build_reports.append(report)
        self._wake.set()

    @property
    def outstanding(self) -> int:
        """Reports of servers whose command is not decided yet."""
        return len(self._reports)

    async def run(self) -> None:
        """Reports until it is cancelled. Raises Fenced."""
        while True:
            try:
                async with asyncio.timeout(self._every_s):
                    await self._wake.wait()
                await asyncio.sleep(_GATHER_S)
            except TimeoutError:
                pass
            self._wake.clear()
            await self._tell()

    async def _tell(self) -> None:
        sent = self._reports[: self._fitting()]
        built = self._build_reports[:HOST_REPORTS_MAX]
        held = sorted(self._held())
        command = self._builder.build(
            ReportHost(
                host_id=self._host_id,
                epoch=self._epoch,
                reports=[report for report, _ in sent],
                build_reports=built,
                processing=self._processing(),
                builds=held if held != self._told_held else None,
            ),
            aggregate_id=host_aggregate(self._host_id),
            studio_id="",
        )
        try:
            decided = await self._log.ask(command, within_s=_ANSWER_S)
        except (TimeoutError, LogUnavailable) as error:
            _log.warning(
                "the log did not answer %d reports; they are told again: %r", len(sent) + len(built), error
            )
            self._wake.set()
            return
        refused = rejection(decided)
        if refused is not None and refused.code == "fenced":
            raise Fenced(refused.message)
        failed = failure(decided)
        if refused is not None or failed is not None:
            _log.error("reports were not taken: %s", refused or failed)
        self._told_held = held
        del self._reports[: len(sent)]
        del self._build_reports[: len(built)]
        for _, known in sent:
            known()
        if self._reports or self._build_reports:
            self._wake.set()

    def _fitting(self) -> int:
        """How many of the oldest reports one command may have."""
        size = 0
        for count, (report, _) in enumerate(self._reports[:HOST_REPORTS_MAX]):
            size += len((report.custom_data or "").encode())
            if size > HOST_REPORTS_BYTES_MAX:
                return count
        return HOST_REPORTS_MAX
