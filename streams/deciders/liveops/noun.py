"""The liveops noun: every command to the module that decides it, every aggregate by its id."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import schemas.liveops.event_windows
import schemas.liveops.events
import schemas.liveops.names
import schemas.liveops.views
import schemas.liveops.windows
from schemas.codec import Message
from schemas.liveops import commands as ask
from schemas.liveops.event_windows import EventWindowEvent, MarkerEvent
from schemas.liveops.events import EVENTS, PlayerEvent
from schemas.liveops.names import event_aggregate, player_aggregate, window_aggregate
from streams.deciders.fold_code import FOLD_CODE
from streams.deciders.liveops import (
    attempts,
    boards,
    evolve_forgotten,
    evolve_players,
    evolve_windows,
    grants,
    ledger,
    lobbies,
    open_windows,
    players,
    progress,
    recent_increases,
)
from streams.deciders.liveops import evolve as evolving
from streams.deciders.liveops import state as states
from streams.deciders.liveops.evolve import evolve
from streams.deciders.liveops.state import LiveopsState, pack, unpack
from streams.deciders.noun import Noun, Request, Verdict, decided_by, time_of_state

_DECIDERS: Final[dict[type[Message], Callable[[LiveopsState, Request, Any], Verdict]]] = {
    ask.RegisterPlayer: players.register,
    ask.RotatePlayerSecret: players.rotate_secret,
    ask.ForgetPlayer: players.forget,
    ask.StartAttempt: attempts.start,
    ask.ReportProgress: progress.progress,
    ask.ClaimGrant: grants.claim,
    ask.OpenCrate: grants.open_crate,
    ask.DebitWallet: ledger.debit,
    ask.CreditWallet: ledger.credit,
    ask.ConsumeItem: ledger.consume,
    ask.GrantItem: ledger.grant_item,
    ask.GiveGrant: grants.give,
    ask.GiveRankReward: grants.give_rank_reward,
    ask.JoinEvent: lobbies.join,
    ask.LobbyDue: lobbies.lobby_due,
    ask.SettleLobbies: lobbies.settle,
    ask.FinalizeBoard: boards.finalize,
    ask.OpenWindow: open_windows.pin_window,
    ask.CloseWindow: boards.close_window,
}


_decide: Final = decided_by(_DECIDERS)


def decide(state: LiveopsState, request: Request) -> Verdict:
    """What a command comes to. Of a forgotten player: nothing is decided any more."""
    refusal = players.refused_to_forgotten(state, request)
    return refusal if refusal is not None else _decide(state, request)


def aggregate_of(event: Message) -> str:
    """The aggregate an event belongs to. Raises TypeError for another noun's."""
    match event:
        case PlayerEvent():
            return player_aggregate(event.game_id, event.external_id)
        case EventWindowEvent():
            return event_aggregate(event.game_id, event.event_key, event.window_id)
        case MarkerEvent():
            return window_aggregate(event.game_id, event.event_key, event.window_id)
        case _:
            raise TypeError(f"{type(event).__name__} is no event of this noun")


def sequence(state: LiveopsState, aggregate_id: str) -> int:
    """How many events an aggregate has had in this partition."""
    for aggregates in (state.players, state.forgotten, state.windows, state.markers):
        aggregate = aggregates.get(aggregate_id)
        if aggregate is not None:
            return aggregate.sequence
    return 0


LIVEOPS: Final = Noun(
    name="liveops",
    commands=ask.COMMANDS,
    events=EVENTS,
    initial=LiveopsState(),
    decide=decide,
    evolve=evolve,
    aggregate_of=aggregate_of,
    sequence=sequence,
    time_of=time_of_state,
    pack=pack,
    unpack=unpack,
    code=(
        *FOLD_CODE,
        states,
        evolving,
        evolve_forgotten,
        evolve_players,
        evolve_windows,
        recent_increases,
        schemas.liveops.event_windows,
        schemas.liveops.events,
        schemas.liveops.names,
        schemas.liveops.views,
        schemas.liveops.windows,
    ),
)
