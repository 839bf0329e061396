"""`POST /api/export`: starts the export of what was accepted since the previous one.

Source: contract/telemetry.md. The call returns no data and needs no key; during a run, or within a minute
of the last start, it answers with that run's id. The work itself is `streams/exports.py`, done by the
timer's process.
"""

from __future__ import annotations

import uuid
from typing import Final, Protocol

import msgspec

from schemas.edge.errors import Refused
from schemas.edge.ports import ExportsUsedUp
from schemas.log import LogUnavailable
from schemas.objects import ObjectStore
from schemas.telemetry.record import EntryKind
from streams.gateway.http import Request, Response, json_response
from streams.gateway.services import Services

EXPORT_PARTITION: Final = 0
"""Where EXPORT_STARTED is appended: an export is the deployment's, not a game's."""


NO_SPACE_RETRY_S: Final = 60
FREE_BYTES_MIN: Final = 64 * 1024 * 1024
"""With less space left in the object store no export begins."""


class ExportRegister(Protocol):
    """Which export is on, shared by all processes. Losing it loses nothing: the next covers the same."""

    async def begin(self, export_id: str, now_ms: int) -> str:
        """Begin an export under this id, or return the id of the one that is on or began within a minute.

        Raises ExportsUsedUp where as many have begun in this UTC day as the deployment allows.
        """
        ...

    async def withdraw(self, export_id: str) -> None:
        """Undo `begin`: the log did not take the start."""
        ...

    async def confirm(self, export_id: str) -> None:
        """The log has the start: the runner may take it."""
        ...

    async def pending(self) -> str | None:
        """The confirmed export that waits to be run, or is being run."""
        ...

    async def finish(self, export_id: str) -> None:
        """The run is over. Called twice, nothing changes."""
        ...


async def start_export(
    services: Services, register: ExportRegister, objects: ObjectStore, request: Request
) -> Response:
    """Answer 202 with the id of the export that now is on.

    Needs no key: 429 once the day's exports have begun, 503 where the object store has no space for one.
    """
    free = await objects.free_bytes()
    if free is not None and free < FREE_BYTES_MIN:
        message = (
            f"no space for an export: {free // 2**20} MiB are left, {FREE_BYTES_MIN // 2**20} are needed"
        )
        raise Refused(503, message, headers=((b"retry-after", str(NO_SPACE_RETRY_S).encode()),))
    mine = str(uuid.uuid4())
    try:
        export_id = await register.begin(mine, services.now_ms())
    except ExportsUsedUp as error:
        wait = ((b"retry-after", str(error.retry_after_s).encode()),)
        raise Refused(429, str(error), headers=wait) from None
    if export_id == mine:
        entry = services.entry(
            EntryKind.EXPORT_STARTED,
            request,
            studio_id="",
            game_id="",
            item_count=0,
            body=msgspec.json.encode({"export_id": export_id}),
        )
        try:
            await services.appending.append(EXPORT_PARTITION, entry)
        except LogUnavailable:
            await register.withdraw(mine)
            raise
        await register.confirm(mine)
    return json_response(202, {"status": "exporting", "export_id": export_id})
