"""What happens to a player, as operations: rows, runs, balances, grants, ledger, and places on boards."""

from __future__ import annotations

from typing import Final

import msgspec

from projections.liveops import keys
from projections.liveops.context import DAY_MS, Context, Step, encode
from projections.redis.operations import (
    add_member,
    add_member_unless,
    delete,
    delete_field,
    delete_score,
    expire_as,
    expire_at,
    set_field,
    set_score,
    tell,
)
from schemas.codec import Message
from schemas.liveops import events as ev
from schemas.liveops.ports import LEDGER_HEAD, BoardRow, HoldingRow, LedgerRow, PlayerRow
from schemas.liveops.views import Attempt, BoardEntry, Grant, Movement
from schemas.liveops.windows import window_from_id
from schemas.timestamps import iso_ms

_json: Final = msgspec.json.Encoder().encode


class _Told(msgspec.Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """LeaderboardStreamEvent without `rank`, which is as of the write."""

    leaderboard_id: str
    external_id: str
    score: float
    previous_score: float | None
    occurred_at: str


def _created(context: Context, event: ev.PlayerCreated) -> None:
    row = PlayerRow(external_id=event.external_id, created_at_ms=event.created_at_ms)
    _player(context, event.game_id, row)


def _secret(context: Context, event: ev.PlayerRegistered | ev.PlayerSecretRotated) -> None:
    row = PlayerRow(
        external_id=event.external_id, created_at_ms=event.created_at_ms, secret_hash=event.secret_hash
    )
    _player(context, event.game_id, row)


def _player(context: Context, game_id: str, row: PlayerRow) -> None:
    key = keys.player_key("player", game_id, row.external_id)
    context.operations.append(set_field(key, "row", encode(row)))


def _forgotten(context: Context, event: ev.PlayerForgotten) -> None:
    """What is under names that follow from the player's id; for the rest see `forgotten_keys`."""
    if event.was_known:
        context.operations += (
            delete(keys.player_key(kind, event.game_id, event.external_id)) for kind in keys.PLAYER_KINDS
        )
    context.operations.append(
        add_member(keys.forgotten_key(event.game_id, context.partition), event.pseudonym)
    )


def _started(context: Context, event: ev.AttemptStarted) -> None:
    attempt = event.attempt
    board = BoardRow(
        id=attempt.board_id,
        studio_id=context.studio_id,
        game_id=event.game_id,
        event_key=attempt.event_key,
        window_id=attempt.window_id,
        order="asc" if event.order == "asc" else "desc",
        group=event.group,
        segment=event.segment,
    )
    _open_board(context, board)
    key = keys.run_key(event.game_id, event.external_id, attempt.event_key, attempt.window_id)
    started = {"used": event.attempts_used, "group": event.group, "segment": event.segment}
    context.operations.append(set_field(key, "started", encode(started)))
    _attempt(context, event.game_id, event.external_id, attempt)


def _open_board(context: Context, board: BoardRow) -> None:
    """A board exists from now on, and its window is not done before it is finalized.

    When a store is filled again, the partition that finalized it may be applied first.
    """
    window = keys.window_name(board.studio_id, board.game_id, board.event_key, board.window_id)
    context.operations += (
        set_field(keys.board_key(board.id), "row", encode(board)),
        add_member_unless(f"boards:{window}", board.id, held=keys.board_key(board.id), field="final"),
    )


def _attempt(context: Context, game_id: str, external_id: str, attempt: Attempt) -> None:
    key = keys.run_key(game_id, external_id, attempt.event_key, attempt.window_id)
    context.operations.append(set_field(key, "attempt", encode(attempt)))
    if attempt.status == "completed" and attempt.lobby_id:
        context.operations.append(set_field(key, "done", attempt.lobby_id))
    # After every change: on a late rebuild an earlier word has removed the key already.
    context.operations.append(expire_at(key, window_from_id(attempt.window_id).ends_at_ms + DAY_MS))


def _expired(context: Context, event: ev.AttemptExpired) -> None:
    _attempt(context, event.game_id, event.external_id, event.attempt)


def _progressed(context: Context, event: ev.AttemptProgressed) -> None:
    _attempt(context, event.game_id, event.external_id, event.attempt)
    entry = event.entry
    member = set_entry(context, event.external_id, entry)
    told = _Told(
        leaderboard_id=entry.board_id,
        external_id=event.external_id,
        score=entry.score,
        previous_score=entry.previous_score,
        occurred_at=iso_ms(event.occurred_at_ms),
    )
    context.operations.append(
        tell(
            keys.stream_key(entry.board_id),
            context.at_ms,
            keys.entries_key(entry.board_id),
            member,
            _json(told),
        )
    )


def set_entry(context: Context, external_id: str, entry: BoardEntry, *, bot: bool = False) -> str:
    """An entry's place on its board, in place of the one it had; returns its member."""
    entries = keys.entries_key(entry.board_id)
    member = keys.place(entry.achieved_at_ms, external_id, bot=bot)
    if entry.previous_achieved_at_ms is not None:
        previous = keys.place(entry.previous_achieved_at_ms, external_id, bot=bot)
        if previous != member:
            context.operations.append(delete_score(entries, previous))
        elif entry.previous_score == entry.score:
            return member
    score = -entry.score if entry.order == "desc" else entry.score
    context.operations += (
        set_score(entries, score + 0.0, member),  # never -0.0, which would be another text
        set_field(keys.members_key(entry.board_id), keys.who(external_id, bot=bot), member),
        expire_as(entries, keys.board_key(entry.board_id)),
        expire_as(keys.members_key(entry.board_id), keys.board_key(entry.board_id)),
    )
    return member


def _granted(context: Context, event: ev.GrantCreated) -> None:
    _pending(context, event.game_id, event.external_id, event.grant)


def _pending(context: Context, game_id: str, external_id: str, grant: Grant) -> None:
    key = keys.player_key("grants", game_id, external_id)
    context.operations.append(set_field(key, grant.id, encode(grant)))


def _claimed(context: Context, event: ev.GrantClaimed) -> None:
    key = keys.player_key("grants", event.game_id, event.external_id)
    context.operations.append(delete_field(key, event.grant.id))


def _opened(context: Context, event: ev.CrateOpened) -> None:
    key = keys.player_key("grants", event.game_id, event.external_id)
    context.operations.append(delete_field(key, event.crate.id))
    _pending(context, event.game_id, event.external_id, event.contents)


def _wallet(context: Context, event: ev.WalletChanged) -> None:
    moved = event.movement
    row = HoldingRow(key=moved.key, quantity=moved.balance, updated_at_ms=context.at_ms)
    key = keys.player_key("wallet", event.game_id, event.external_id)
    context.operations.append(set_field(key, moved.key, encode(row)))
    _ledger(context, event.game_id, event.external_id, moved)


def _items(context: Context, event: ev.InventoryChanged) -> None:
    moved = event.movement
    key = keys.player_key("items", event.game_id, event.external_id)
    if moved.balance:
        row = HoldingRow(key=moved.key, quantity=moved.balance, updated_at_ms=context.at_ms)
        context.operations.append(set_field(key, moved.key, encode(row)))
    else:
        context.operations.append(delete_field(key, moved.key))
    _ledger(context, event.game_id, event.external_id, moved)


def _ledger(context: Context, game_id: str, external_id: str, moved: Movement) -> None:
    key = keys.player_key("ledger", game_id, external_id)
    row = LedgerRow(movement=moved, at_ms=context.at_ms)
    context.operations.append(set_field(key, str(moved.number), encode(row)))
    if moved.number > LEDGER_HEAD:
        context.operations.append(delete_field(key, str(moved.number - LEDGER_HEAD)))


STEPS: Final[dict[type[Message], Step]] = {
    ev.PlayerCreated: _created,
    ev.PlayerRegistered: _secret,
    ev.PlayerSecretRotated: _secret,
    ev.PlayerForgotten: _forgotten,
    ev.AttemptStarted: _started,
    ev.AttemptExpired: _expired,
    ev.AttemptProgressed: _progressed,
    ev.GrantCreated: _granted,
    ev.GrantClaimed: _claimed,
    ev.CrateOpened: _opened,
    ev.WalletChanged: _wallet,
    ev.InventoryChanged: _items,
}
"""Events that are not here (repeats, refusals for the studio, completions) set nothing in Redis."""
