"""What liveops' events become in ClickHouse: rows of each table. No I/O, no clock.

The ledger and the frozen ranks, which the API reads beyond what Redis keeps; every score; every event in its
own words, for analysts; and movements, of which `economy_totals` makes sums.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec.structs import replace

from projections.clickhouse.noun_tables import Rows
from projections.clickhouse.times import time_of
from projections.liveops.economy_totals import Move
from schemas.codec import Message
from schemas.envelope import Decided, Event, EventsRecord
from schemas.liveops.definitions import decode_definition
from schemas.liveops.event_windows import BoardChunkFinalized, WindowOpened
from schemas.liveops.events import (
    EVENTS,
    AttemptProgressed,
    InventoryChanged,
    PlayerForgotten,
    WalletChanged,
)
from schemas.outcomes import SHELL_EVENTS

LEDGER: Final = "liveops_ledger"
FINAL_ENTRIES: Final = "liveops_final_entries"
SCORES: Final = "liveops_scores"
EVENTS_TABLE: Final = "liveops_events"
ECONOMY: Final = "liveops_economy"
_PLACE: Final = ("_partition", "_offset", "_index")
COLUMNS: Final = {
    LEDGER: (
        *("studio_id", "game_id", "external_id", "number", "type", "key", "amount", "balance", "cause"),
        *("reason", "command_id", "grant_id", "table_version", "seed", "at"),
    ),
    FINAL_ENTRIES: (
        *("studio_id", "game_id", "event_key", "window_id", "board_id", "rank", "external_id", "is_bot"),
        *("score", "achieved_at"),
    ),
    SCORES: (
        *("studio_id", "game_id", "event_key", "window_id", "board_id", "external_id", "attempt_id"),
        *("attempt_score", "score", "is_personal_best", "at", *_PLACE),
    ),
    EVENTS_TABLE: ("studio_id", "game_id", "external_id", "event", "command_id", "data", "at", *_PLACE),
    ECONOMY: (
        *("studio_id", "game_id", "step", "start", "type", "key", "minted", "spent", "_partition"),
        "next_offset",
    ),
}
_SECRETS: Final = frozenset({"secret_hash", "previous_secret_hash"})
"""Hashes that speak for a player: analysts have no use for them."""
_json: Final = msgspec.json.Encoder().encode


class PlayerGone(msgspec.Struct, frozen=True):
    """A player whom one partition has forgotten."""

    game_id: str
    external_id: str
    pseudonym: str
    partition: int
    was_known: bool
    """Whether it is the player's own partition, and there was something."""


def add_record(
    record: EventsRecord, partition: int, offset: int, rows: Rows, changes: list[Move | PlayerGone]
) -> None:
    """Add the rows and changes of a record's events. Pure but for these two; the same record, the same."""
    index = 0
    for decided in record.decided:
        for event in decided.events:
            if event.type not in SHELL_EVENTS:
                _add(decided, event, [partition, offset, index], rows, changes)
            index += 1


def _add(
    decided: Decided, event: Event, place: list[int], rows: Rows, changes: list[Move | PlayerGone]
) -> None:
    message = EVENTS.decode(event.type, event.data)
    at = time_of(event.at_ms)
    studio_id = decided.studio_id
    if isinstance(message, WalletChanged | InventoryChanged):
        moved = message.movement
        named = (studio_id, message.game_id, moved.type, moved.key)
        changes.append(Move(*named, moved.amount, event.at_ms, place[0], place[1]))
        rows[LEDGER].append(
            [
                *(studio_id, message.game_id, message.external_id, moved.number, moved.type),
                *(moved.key, moved.amount, moved.balance, moved.cause, moved.reason, moved.command_id),
                *(moved.grant_id, moved.table_version, moved.seed, at),
            ]
        )
    elif isinstance(message, AttemptProgressed):
        attempt, entry = message.attempt, message.entry
        rows[SCORES].append(
            [
                *(studio_id, message.game_id, attempt.event_key, attempt.window_id, entry.board_id),
                *(message.external_id, attempt.id, attempt.score, entry.score, entry.is_personal_best),
                *(at, *place),
            ]
        )
    elif isinstance(message, BoardChunkFinalized):
        board = [studio_id, message.game_id, message.event_key, message.window_id, message.board_id]
        rows[FINAL_ENTRIES] += [
            [*board, one.rank, one.external_id, one.is_bot, one.score, time_of(one.achieved_at_ms)]
            for one in message.entries
        ]
    elif isinstance(message, PlayerForgotten):
        changes.append(
            PlayerGone(
                game_id=message.game_id,
                external_id=message.external_id,
                pseudonym=message.pseudonym,
                partition=place[0],
                was_known=message.was_known,
            )
        )
        if not message.was_known:
            return  # one row of the eight that partitions have to say of it
        message = replace(message, external_id=message.pseudonym)
    rows[EVENTS_TABLE].append(
        [
            *(studio_id, decided.game_id, getattr(message, "external_id", ""), event.type),
            *(decided.command_id, _readable_json(message), at, *place),
        ]
    )


def _readable_json(message: Message) -> str:
    """An event as JSON that a person can read: no secrets, and definitions taken apart."""
    if not isinstance(message, WindowOpened) and not _SECRETS & set(message.__struct_fields__):
        return _json(message).decode()
    fields = {name: value for name, value in msgspec.structs.asdict(message).items() if name not in _SECRETS}
    if isinstance(message, WindowOpened):
        fields["definition"] = decode_definition(message.definition)
    return _json(fields).decode()
