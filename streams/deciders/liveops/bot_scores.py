"""Bots' entries: what a lobby's bots have scored at a time, as events that set it."""

from __future__ import annotations

from schemas.liveops.bots import bot_score
from schemas.liveops.event_windows import BotsScored
from schemas.liveops.views import BoardEntry, Bot, BotEntry, Order
from streams.deciders.liveops.state import Entry, Lobby


def scored(
    lobby: Lobby, order: Order, at_ms: int, next_due_ms: int | None, names: dict[str, str]
) -> BotsScored:
    """The entries of the bots that moved since they were scored last. Pure in lobby and time."""
    entries = []
    for bot in lobby.bots:
        value = bot_score(bot.seed, lobby.bots_per_minute or 0.0, lobby.activated_at_ms, at_ms)
        previous = lobby.bot_entries.get(bot.id)
        if previous is None or value != previous.score:
            entries.append(BotEntry(bot_id=bot.id, entry=_entry(bot, order, value, at_ms, previous)))
    return BotsScored(lobby_id=lobby.id, entries=entries, next_due_ms=next_due_ms, **names)


def _entry(bot: Bot, order: Order, value: float, at_ms: int, previous: Entry | None) -> BoardEntry:
    return BoardEntry(
        board_id=bot.board_id,
        order=order,
        score=value,
        achieved_at_ms=at_ms,
        previous_score=previous.score if previous is not None else None,
        previous_achieved_at_ms=previous.achieved_at_ms if previous is not None else None,
        best=value,
        is_personal_best=True,
    )
