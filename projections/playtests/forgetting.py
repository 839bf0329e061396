"""Forgets persons in the tables: their rows stay under a pseudonym, without what was said by or of them.

A person's record comes after all that names them, whose rows are there by then: so live tables and rebuilt
ones have the same left. New rows are written before old ones go, so that a repeat after a crash changes
nothing.
What slots, applications and orders are from then on is a change like others (`table_rows`).
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from projections.clickhouse.erasing import erase
from projections.playtests.table_columns import APPLICATIONS, COLUMNS, EVENTS_TABLE, LEDGER, ORDERS, SLOTS
from projections.playtests.table_rows import PersonGone
from schemas.playtests.order_events import ApplicationsAutoRejected
from schemas.playtests.slot_events import TranscriptApproved

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from projections.clickhouse.client import ClickHouse
    from projections.clickhouse.statements import Value

PAGE_ROWS: Final = 10_000
SLOTS_AT_ONCE: Final = 500
_OWN: Final = "studio_id = {studio:String} AND playtester_id = {gone:String}"
_NAMED: Final = ("playtester_id", "targeted_playtester_id", "device_id")
"""Fields that hold an id of a person, wherever they are in an event."""
_TEXTS: Final = ("notes", "comment", "custom_message", "video_key", "public_key", "external_id")
_WITH_REASON: Final = ("rejection", "movement", "payout")
"""Structs whose `reason` is somebody's words: others' reasons are one of a few."""
_MENTIONED: Final = (
    "studio_id = {studio:String} AND ("
    + " OR ".join(f"position(data, {{named{number}:String}}) > 0" for number in range(len(_NAMED) + 1))
    + f" OR (event = '{ApplicationsAutoRejected.WIRE}' AND position(data, {{listed:String}}) > 0))"
)
"""The events that name the person; none once they are written anew."""
_TRANSCRIPTS: Final = (
    f"studio_id = {{studio:String}} AND event = '{TranscriptApproved.WIRE}'"
    " AND JSONExtractString(data, 'slot_id') IN {slots:Array(String)}"
    " AND (JSONExtractString(data, 'transcription', 'key') != ''"
    " OR JSONLength(data, 'transcription', 'key_takeaways') > 0)"
)
_IN_LOG: Final = {"_offset": "UInt64", "_index": "UInt32"}
_encode: Final = msgspec.json.Encoder().encode


class _Rows(NamedTuple):
    """Rows that are written anew."""

    table: str
    where: str
    place: dict[str, str]
    """The columns by which no two of them are equal, and their types."""


async def forget(client: ClickHouse, changes: Sequence[Any]) -> None:
    """Forget the persons of whom a batch's records say so."""
    for one in changes:
        if isinstance(one, PersonGone):
            await _forget(client, one)


async def _forget(client: ClickHouse, gone: PersonGone) -> None:
    of: dict[str, Value] = {"studio": gone.studio_id, "gone": gone.playtester_id}
    of |= _needles(gone.playtester_id)

    def in_ledger(row: dict[str, Any]) -> dict[str, Any]:
        return row | {"playtester_id": gone.pseudonym, "reason": ""}

    def in_event(row: dict[str, Any]) -> dict[str, Any]:
        return row | {"data": without_person(row["data"], gone.playtester_id, gone.pseudonym)}

    await _write_anew(client, _Rows(LEDGER, _OWN, {"number": "UInt64"}), of, in_ledger)
    await _write_anew(client, _Rows(EVENTS_TABLE, _MENTIONED, _IN_LOG), of, in_event)
    for first in range(0, len(gone.slots), SLOTS_AT_ONCE):
        slots: dict[str, Value] = of | {"slots": list(gone.slots[first : first + SLOTS_AT_ONCE])}
        await _write_anew(client, _Rows(EVENTS_TABLE, _TRANSCRIPTS, _IN_LOG), slots, in_event)
        await erase(client, {EVENTS_TABLE: _TRANSCRIPTS}, slots)
    targeted = "studio_id = {studio:String} AND targeted_playtester_id = {gone:String}"
    old = {LEDGER: _OWN, SLOTS: _OWN, APPLICATIONS: _OWN, ORDERS: targeted, EVENTS_TABLE: _MENTIONED}
    await erase(client, old, of)


def _needles(playtester_id: str) -> dict[str, Value]:
    """How an id stands in events' JSON, where it is a person's and not another thing of the same name."""
    written = _encode(playtester_id).decode()
    named = [f'"{field}":{written}' for field in _NAMED] + [f'"playtester":{{"id":{written}']
    found: dict[str, Value] = {f"named{number}": one for number, one in enumerate(named)}
    return found | {"listed": f",{written},"}


async def _write_anew(
    client: ClickHouse,
    rows: _Rows,
    parameters: dict[str, Value],
    changed: Callable[[dict[str, Any]], dict[str, Any]],
) -> None:
    """Write rows again, as they are to be; page by page from a place on, since fewer and fewer are met."""
    columns, order = COLUMNS[rows.table], ", ".join(rows.place)
    after = ", ".join(f"{{after_{name}:{kind}}}" for name, kind in rows.place.items())
    last: dict[str, Value] | None = None
    while True:
        beyond = "" if last is None else f" AND ({order}) > ({after})"
        page = await client.rows(
            f"SELECT {', '.join(columns)} FROM {rows.table} FINAL WHERE {rows.where}{beyond}"  # noqa: S608 - names of ours
            f" ORDER BY {order} LIMIT {PAGE_ROWS}",
            parameters | (last or {}),
        )
        if not page:
            return
        told = [dict(zip(columns, row, strict=True)) for row in page]
        last = {f"after_{name}": int(told[-1][name]) for name in rows.place}
        body = b"\n".join(_encode([*changed(row).values()]) for row in told)
        token = hashlib.sha256(rows.table.encode() + b"\0" + body).hexdigest()
        await client.insert(rows.table, columns, body, form="JSONCompactEachRow", token=token)


def without_person(data: str, gone: str, pseudonym: str) -> str:
    """An event as JSON with the pseudonym in the id's place, and without texts. Pure."""
    return _encode(_without(msgspec.json.decode(data), gone, pseudonym)).decode()


def _without(value: Any, gone: str, pseudonym: str) -> Any:
    if isinstance(value, list):
        return [_without(one, gone, pseudonym) for one in value]
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = {}
    for name, held in value.items():
        one = _without(held, gone, pseudonym)
        if name in _NAMED and one == gone:
            one = pseudonym
        elif name == "playtester" and one is not None and one["id"] == gone:
            one["id"] = pseudonym
        elif name in _TEXTS:
            one = "" if name.endswith("_key") else None
        elif name in _WITH_REASON and one is not None and "reason" in one:
            one["reason"] = None
        elif name == "transcription" and one is not None:
            one |= {"key": "", "key_takeaways": []}
        elif name == "applications":  # of an automatic rejection: id, playtester, time
            one = [[pseudonym if each == gone else each for each in row] for row in one]
        found[name] = one
    return found
