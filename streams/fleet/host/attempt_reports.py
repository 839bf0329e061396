"""What the log is told of one attempt, and why it ends: the first reason counts, whichever agent noted it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, cast

from schemas.fleet.host_commands import Report, ReportKind
from schemas.fleet.views import ExitReason, Isolation
from streams.fleet.host.attempts import Attempt, replace
from streams.fleet.host.driver import Driver

CUSTOM_DATA_EVERY_S: Final = 1.0
"""A server may say another custom data as often as it likes: of what it says meanwhile the last is told."""


class AttemptReports:
    """Reports of one attempt. Each may be told again: the log takes it once."""

    def __init__(
        self, attempt: Attempt, *, driver: Driver, report: Callable[[Report, Callable[[], None]], None]
    ) -> None:
        """`report` gets a report, and what to call once the log has it."""
        self.exit_known = attempt.marked("reported")
        """Whether the log knows its exit."""
        self._attempt = attempt
        self._driver = driver
        self._report = report
        self._custom_data: str | None = None
        """What was said last and is not told yet."""
        self._custom_data_under_way = False
        self._why = self._noted_reason()
        self._pause: asyncio.TimerHandle | None = None

    def because(self, reason: ExitReason | None) -> None:
        """Why it is about to end; None says nothing."""
        if reason is not None and self._why is None:
            self._why = reason
            path = self._attempt.folder / "reason"
            self._attempt.noted("reason", lambda: replace(path, reason.encode()))

    def begun(self) -> None:
        """Its process runs, confined so, reached there."""
        self._tell("started", isolation=self._driver.isolation, address=self._driver.address(self._attempt))

    def ready(self) -> None:
        """It is ready."""
        self._tell("ready")

    def custom_data(self, text: str) -> None:
        """What its server wants to be known for it: a JSON object."""
        self._custom_data = text
        self._tell_custom_data()

    def exited(self, code: int | None) -> None:
        """Nothing of it runs any more. Nothing happens where the log knows."""
        if self._custom_data is not None:
            self._tell("custom-data", custom_data=self._custom_data)
            self._custom_data = None
        if not self.exit_known:
            self._tell("exited", exit_code=code, reason=self._why, known=self._known)

    def _tell_custom_data(self) -> None:
        if self._custom_data is None or self._custom_data_under_way or self._pause is not None:
            return
        text, self._custom_data = self._custom_data, None
        self._custom_data_under_way = True
        self._pause = asyncio.get_running_loop().call_later(CUSTOM_DATA_EVERY_S, self._pause_is_over)
        self._tell("custom-data", custom_data=text, known=self._custom_data_is_known)

    def _pause_is_over(self) -> None:
        self._pause = None
        self._tell_custom_data()

    def _custom_data_is_known(self) -> None:
        self._custom_data_under_way = False
        self._tell_custom_data()

    def _tell(
        self,
        kind: ReportKind,
        *,
        isolation: Isolation | None = None,
        address: str | None = None,
        exit_code: int | None = None,
        reason: ExitReason | None = None,
        custom_data: str | None = None,
        known: Callable[[], None] = lambda: None,
    ) -> None:
        launch = self._attempt.launch
        report = Report(
            instance_id=launch.instance_id,
            attempt=launch.attempt,
            kind=kind,
            isolation=isolation,
            address=address,
            exit_code=exit_code,
            reason=reason,
            custom_data=custom_data,
        )
        self._report(report, known)

    def _noted_reason(self) -> ExitReason | None:
        try:
            return cast("ExitReason", (self._attempt.folder / "reason").read_text())
        except FileNotFoundError:
            return None

    def _known(self) -> None:
        self._attempt.note_mark("reported")  # where it can't be noted the next agent reports it again
        self.exit_known = True
