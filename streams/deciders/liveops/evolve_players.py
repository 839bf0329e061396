"""How events change a player. Pure; called for every event of every fold, so nothing here is roundabout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from msgspec.structs import replace

from schemas.codec import Message
from schemas.liveops.events import (
    AttemptCompleted,
    AttemptExpired,
    AttemptProgressed,
    AttemptStarted,
    ClaimRepeated,
    CrateOpened,
    GrantClaimed,
    GrantCreated,
    InventoryChanged,
    OpenRepeated,
    PlayerCreated,
    PlayerEvent,
    PlayerRegistered,
    PlayerSecretRotated,
    ProgressImplausible,
    WalletChanged,
)
from schemas.liveops.views import Attempt
from schemas.liveops.windows import window_from_id
from streams.deciders.liveops.recent_increases import add_rated
from streams.deciders.liveops.state import Entry, Holding, Player, Run

RUNS_KEPT: Final = 2
"""Windows of an event that a player's state keeps: the present one and the one before."""
ATTEMPTS_KEPT: Final = 64
"""Attempts of a window; progress on an older one is 404 instead of 409."""


def first_seen(event: PlayerCreated) -> Player:
    """A new player."""
    return Player(event.external_id, event.created_at_ms)


def _secret(player: Player, event: PlayerRegistered | PlayerSecretRotated, at_ms: int) -> Player:
    del at_ms
    return replace(player, sequence=player.sequence + 1, secret_hash=event.secret_hash)


def _started(player: Player, event: AttemptStarted, at_ms: int) -> Player:
    del at_ms
    attempt = event.attempt
    runs = player.runs.get(attempt.event_key, ())
    for index, run in enumerate(runs):
        if run.window_id == attempt.window_id:
            kept = (attempt, *run.attempts[: ATTEMPTS_KEPT - 1])
            runs = _with_run(runs, index, replace(run, used=event.attempts_used, attempts=kept))
            break
    else:
        window = window_from_id(attempt.window_id)
        fresh = Run(
            attempt.window_id, window.starts_at_ms, window.ends_at_ms, event.attempts_used, (attempt,)
        )
        runs = (fresh, *runs[: RUNS_KEPT - 1])
    return replace(player, sequence=player.sequence + 1, runs=player.runs.set(attempt.event_key, runs))


def _expired(player: Player, event: AttemptExpired, at_ms: int) -> Player:
    del at_ms
    attempt = event.attempt
    runs, index = _run_of(player, attempt)
    run = runs[index]
    run = replace(run, attempts=_with_attempt(run, attempt), settled=_settled(run, attempt))
    return _with_runs(player, attempt.event_key, _with_run(runs, index, run))


def _progressed(player: Player, event: AttemptProgressed, at_ms: int) -> Player:
    attempt, entry = event.attempt, event.entry
    runs, index = _run_of(player, attempt)
    run = runs[index]
    entries, settled = run.entries, run.settled
    previous = entries.get(entry.board_id)
    given = previous.given if previous is not None else ()
    if event.thresholds:
        given = (*given, *event.thresholds)
    run = Run(
        run.window_id,
        run.starts_at_ms,
        run.ends_at_ms,
        run.used,
        _with_attempt(run, attempt),
        entries.set(entry.board_id, Entry(entry.score, entry.best, entry.achieved_at_ms, given)),
        settled if attempt.status == "active" else _settled(run, attempt),
        add_rated(run.rated, event.rated, at_ms) if event.rated else run.rated,
    )
    return _with_runs(player, attempt.event_key, _with_run(runs, index, run))


def _counted(player: Player, event: PlayerEvent, at_ms: int) -> Player:
    """Events that say something again, or to others."""
    del event, at_ms
    return replace(player, sequence=player.sequence + 1)


def _granted(player: Player, event: GrantCreated | GrantClaimed, at_ms: int) -> Player:
    del at_ms
    grants = player.grants.set(event.grant.id, event.grant)
    return replace(player, sequence=player.sequence + 1, grants=grants)


def _opened(player: Player, event: CrateOpened, at_ms: int) -> Player:
    del at_ms
    grants = player.grants.set(event.crate.id, event.crate).set(event.contents.id, event.contents)
    return replace(player, sequence=player.sequence + 1, grants=grants)


def _wallet(player: Player, event: WalletChanged, at_ms: int) -> Player:
    moved = event.movement
    return Player(
        player.external_id,
        player.created_at_ms,
        player.sequence + 1,
        player.secret_hash,
        moved.number,
        player.wallet.set(moved.key, Holding(moved.balance, at_ms)),
        player.items,
        player.grants,
        player.runs,
    )


def _inventory(player: Player, event: InventoryChanged, at_ms: int) -> Player:
    moved = event.movement
    if moved.balance:
        items = player.items.set(moved.key, Holding(moved.balance, at_ms))
    else:
        items = player.items.delete(moved.key)
    return replace(player, sequence=player.sequence + 1, movements=moved.number, items=items)


PLAYER_STEPS: Final[dict[type[Message], Callable[[Player, Any, int], Player]]] = {
    PlayerRegistered: _secret,
    PlayerSecretRotated: _secret,
    AttemptStarted: _started,
    AttemptExpired: _expired,
    AttemptProgressed: _progressed,
    AttemptCompleted: _counted,
    ProgressImplausible: _counted,
    GrantCreated: _granted,
    GrantClaimed: _granted,
    ClaimRepeated: _counted,
    CrateOpened: _opened,
    OpenRepeated: _counted,
    WalletChanged: _wallet,
    InventoryChanged: _inventory,
}
"""PlayerCreated makes a player and is not here."""


def _run_of(player: Player, attempt: Attempt) -> tuple[tuple[Run, ...], int]:
    runs = player.runs[attempt.event_key]
    for index, run in enumerate(runs):
        if run.window_id == attempt.window_id:
            return runs, index
    raise KeyError(attempt.window_id)


def _with_runs(player: Player, event_key: str, runs: tuple[Run, ...]) -> Player:
    return Player(
        player.external_id,
        player.created_at_ms,
        player.sequence + 1,
        player.secret_hash,
        player.movements,
        player.wallet,
        player.items,
        player.grants,
        player.runs.set(event_key, runs),
    )


def _with_run(runs: tuple[Run, ...], index: int, run: Run) -> tuple[Run, ...]:
    return (*runs[:index], run, *runs[index + 1 :])


def _with_attempt(run: Run, attempt: Attempt) -> tuple[Attempt, ...]:
    """Only the newest attempt can be active, so only it can change."""
    if run.attempts[0].id != attempt.id:
        raise KeyError(attempt.id)
    return (attempt, *run.attempts[1:])


def _settled(run: Run, attempt: Attempt) -> Any:
    return run.settled.set(attempt.board_id, run.settled.get(attempt.board_id, 0.0) + attempt.score)
