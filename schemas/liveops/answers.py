"""Outcome bodies of liveops commands, and the one pure function from a command's events to its outcome.

Bodies are MessagePack of these structs, by command: RegisterPlayer 201 and RotatePlayerSecret 200
PlayerAnswer, StartAttempt 201 StartAnswer, ReportProgress 200 ProgressAnswer, ClaimGrant 200 ClaimAnswer,
OpenCrate 200 OpenAnswer, DebitWallet/CreditWallet 200 WalletAnswer, ConsumeItem/GrantItem 200 ItemAnswer,
GiveGrant 201 GrantAnswer, JoinEvent 200 JoinAnswer, SettleLobbies 200 SettleAnswer, the others 200
DoneAnswer. Refusals (`CommandRejected`, 400 to 503) and failures (500 `CommandFailed`) keep their envelope's
struct as body.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from schemas.codec import Message
from schemas.envelope import CommandRejected, Decided, Outcome
from schemas.liveops import events as ev
from schemas.liveops.event_windows import EventJoined, LobbiesSettled, LobbyStatus
from schemas.liveops.views import Attempt, BoardEntry, Grant
from schemas.outcomes import outcome


class PlayerAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The player; the secret follows from the command's id."""

    external_id: str
    created_at_ms: int


class StartAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The new attempt."""

    attempt: Attempt
    group: int | None = None
    segment: str = ""


class ProgressAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The attempt, the board's entry (its rank is read when answering), and the grants this call made."""

    attempt: Attempt
    entry: BoardEntry
    grants: list[Grant]


class ClaimAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The grant after the claim."""

    grant: Grant


class OpenAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The crate and what was in it."""

    crate: Grant
    contents: Grant


class GrantAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A grant a server gave."""

    grant: Grant


class WalletAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A balance after the movement."""

    economy_key: str
    balance: int
    updated_at_ms: int


class ItemAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A holding after the movement."""

    item_key: str
    quantity: int
    updated_at_ms: int


class JoinAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Where the player plays: `StartAttempt` takes group, segment and lobby id. Forming: 202."""

    lobby_id: str
    lobby_status: LobbyStatus
    fills_at_ms: int | None
    group: int | None
    segment: str
    board_id: str
    at_ms: int
    """Effective time of the join."""


class SettleAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Lobbies still to be settled."""

    remaining: int


class DoneAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """No notification: it is so now, whichever command did it."""


Answer = (
    PlayerAnswer
    | StartAnswer
    | ProgressAnswer
    | ClaimAnswer
    | OpenAnswer
    | GrantAnswer
    | WalletAnswer
    | ItemAnswer
    | JoinAnswer
    | SettleAnswer
    | DoneAnswer
    | CommandRejected
)


def outcome_of(decided: Decided, messages: Sequence[Message]) -> Outcome | None:
    """The stored answer, from the command's own events alone. None for a repeat: the first one answers.

    `messages` are its events, read (`messages_of`).
    """
    return outcome(decided, lambda: answer_to(messages, decided.events[-1].at_ms if messages else 0))


def answer_to(messages: Sequence[Message], at_ms: int) -> tuple[int, Answer]:  # noqa: C901, PLR0911, PLR0912 - one case for each
    """HTTP status and body of a command that was decided, from its events in order and their time. Pure."""
    for message in messages:
        match message:
            case ev.AttemptProgressed():
                grants = [later.grant for later in messages if isinstance(later, ev.GrantCreated)]
                return 200, ProgressAnswer(attempt=message.attempt, entry=message.entry, grants=grants)
            case ev.ProgressImplausible():
                return 409, _implausible(message)
            case ev.AttemptStarted():
                return 201, StartAnswer(attempt=message.attempt, group=message.group, segment=message.segment)
            case ev.WalletChanged(movement=moved):
                return 200, WalletAnswer(economy_key=moved.key, balance=moved.balance, updated_at_ms=at_ms)
            case ev.InventoryChanged(movement=moved):
                return 200, ItemAnswer(item_key=moved.key, quantity=moved.balance, updated_at_ms=at_ms)
            case ev.GrantClaimed() | ev.ClaimRepeated():
                return 200, ClaimAnswer(grant=message.grant)
            case ev.CrateOpened() | ev.OpenRepeated():
                return 200, OpenAnswer(crate=message.crate, contents=message.contents)
            case ev.GrantCreated():
                return 201, GrantAnswer(grant=message.grant)
            case ev.PlayerRegistered() | ev.PlayerSecretRotated():
                answer = PlayerAnswer(external_id=message.external_id, created_at_ms=message.created_at_ms)
                return 201 if isinstance(message, ev.PlayerRegistered) else 200, answer
            case EventJoined():
                return 200, _joined(message, at_ms)
            case LobbiesSettled():
                return 200, SettleAnswer(remaining=message.remaining)
            case (
                _
            ):  # what only leads up to the answer (PlayerCreated, WindowOpened, AttemptExpired, LobbyJoined)
                continue
    return 200, DoneAnswer()


def _joined(event: EventJoined, at_ms: int) -> JoinAnswer:
    return JoinAnswer(
        lobby_id=event.lobby_id,
        lobby_status=event.lobby_status,
        fills_at_ms=event.fills_at_ms,
        group=event.group,
        segment=event.segment,
        board_id=event.board_id,
        at_ms=at_ms,
    )


def _implausible(event: ev.ProgressImplausible) -> CommandRejected:
    return CommandRejected(
        status=409,
        code="conflict",
        message=f"{event.metric} moved by {event.asked:g}; {event.limit} is {event.allowed:g}",
        field=event.metric,
        details={"reason": "implausible", "metric": event.metric, event.limit: event.allowed},
    )
