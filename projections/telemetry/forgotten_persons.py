"""Whom a set of tables has forgotten: the table `forgotten_persons`, as fingerprints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schemas.telemetry.forgetting import Forgotten, PersonForgotten

if TYPE_CHECKING:
    from projections.clickhouse.client import ClickHouse
    from schemas.telemetry.forgetting import Fingerprints

_TABLE: Final = "forgotten_persons"


async def forgotten_before(
    client: ClickHouse, topic: str, partition: int, offset: int, fingerprints: Fingerprints
) -> Forgotten:
    """Whom the records of a partition before an offset say to forget."""
    rows = await client.system.rows(
        f"SELECT studio, players, handles, toUnixTimestamp64Milli(forgotten_at) FROM {_TABLE} FINAL"  # noqa: S608 - a constant
        " WHERE topic = {topic:String} AND partition = {partition:UInt16} AND offset < {offset:UInt64}",
        {"topic": topic, "partition": partition, "offset": offset},
    )
    return Forgotten(
        fingerprints,
        (
            PersonForgotten(
                studio_id=str(studio),
                players=tuple(players),
                handles=tuple(handles),
                forgotten_at_ms=int(at_ms),
            )
            for studio, players, handles, at_ms in rows
        ),
    )


async def note_forgotten(
    client: ClickHouse, topic: str, partition: int, offset: int, decision: PersonForgotten
) -> None:
    """Note that the record at this offset has been followed. Called twice: noted once."""
    await client.system.command(
        f"INSERT INTO {_TABLE} (topic, partition, offset, studio, players, handles, forgotten_at)"
        " SELECT {topic:String}, {partition:UInt16}, {offset:UInt64}, {studio:String},"
        " {players:Array(String)}, {handles:Array(String)}, fromUnixTimestamp64Milli({at:Int64}, 'UTC')",
        {
            "topic": topic,
            "partition": partition,
            "offset": offset,
            "studio": decision.studio_id,
            "players": list(decision.players),
            "handles": list(decision.handles),
            "at": decision.forgotten_at_ms,
        },
    )
