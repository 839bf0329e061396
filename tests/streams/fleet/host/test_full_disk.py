"""A host without space: what can't be started is said, and the agent and the servers that run go on."""

from __future__ import annotations

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any, NoReturn, cast

from schemas.fleet.host_commands import Report
from streams.fleet.host.conversation import Conversation
from streams.fleet.host.servings import Servings


def full(*_: object, **__: object) -> NoReturn:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


async def test_a_server_whose_folder_has_no_space_is_told_as_never_started() -> None:
    reports: list[Report] = []
    servings = Servings(
        cast("Any", SimpleNamespace(make=full)),
        driver=cast("Any", SimpleNamespace(name="fake", isolation="oci")),
        builds=cast("Any", None),
        launch_of=cast("Any", lambda spec: spec),
        executor=ThreadPoolExecutor(1),
        clock_ms=lambda: 1,
        report=lambda report, _: reports.append(report),
        run=cast("Any", None),
        changed=lambda: None,
    )
    servings.wanted = cast(
        "Any",
        SimpleNamespace(wants=lambda: {"one-1": "running"}, entries={"one-1": SimpleNamespace(spec=None)}),
    )
    servings.act()
    servings.act()  # until the log knows it, it is told once
    assert [(report.instance_id, report.attempt, report.kind, report.reason) for report in reports] == [
        ("one", 1, "exited", "STARTUP_FAILURE_DOWNLOAD")
    ]


async def test_a_state_that_can_not_be_written_is_shown_by_the_sdk_alone() -> None:
    conversation = Conversation(
        cast("Any", SimpleNamespace(id="one-1")),
        driver=cast("Any", SimpleNamespace(show=full)),
        in_thread=cast("Any", None),
        document={},
        said=lambda _: None,
        custom_data=lambda _: None,
    )
    conversation.show({"status": "running"})
    assert conversation._sdk._shown() == {"status": "running"}
