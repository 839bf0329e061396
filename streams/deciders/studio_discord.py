"""Decides which session a Discord thread's messages belong to. Pure and total.

Source: contract/analytics.md, "`POST /api/webhooks/discord`". Calls are decided one after another, so that of
two at once one begins the session and the other adds to it.
"""

from __future__ import annotations

from schemas.envelope import CommandRejected
from schemas.identifiers import derived_id
from schemas.studio.commands import TakeDiscordMessages
from schemas.studio.discord import (
    APPENDS_WITHIN_MS,
    REMEMBERED_MAX,
    SESSION_MESSAGES_MAX,
    DiscordMessage,
    device_id,
    thread_key,
)
from schemas.studio.events import DiscordEvent, DiscordMessagesAppended, DiscordSessionOpened
from streams.deciders.discord_threads import DiscordThread, author_of, digest_of, remembered, thread_of
from streams.deciders.noun import Request, Verdict
from streams.deciders.studio_state import StudioState

SESSION_ID_PREFIX = "sess_"


def decide(state: StudioState, request: Request, command: TakeDiscordMessages) -> Verdict:
    """The event of a call, or its refusal."""
    game = state.games.get(request.game_id)
    if game is None or game.studio_id != request.studio_id:
        return CommandRejected(status=404, code="unknown_game", message="there is no such game", field="game")
    key = thread_key(request.game_id, command.channel_id, command.thread_id)
    thread = thread_of(state.discord, key)
    new = _new(command.messages, thread)
    begins = (
        thread is None
        or request.at_ms - thread.called_at_ms > APPENDS_WITHIN_MS
        or thread.messages + len(new) > SESSION_MESSAGES_MAX
    )
    kind: type[DiscordEvent] = DiscordMessagesAppended
    if begins or thread is None:
        session_id = derived_id(SESSION_ID_PREFIX, request.seed, key)
        thread, new, kind = DiscordThread(session_id), _new(command.messages, None), DiscordSessionOpened
    if remembered(state.discord, request.studio_id, request.at_ms) + len(new) > REMEMBERED_MAX:
        most = f"at most {REMEMBERED_MAX} messages of a studio are taken in half an hour"
        return CommandRejected(status=429, code="too_many_messages", message=most, field="messages")
    device = device_id(request.game_id, command.channel_id, command.thread_id)
    event = kind(
        studio_id=request.studio_id,
        game_id=request.game_id,
        channel_id=command.channel_id,
        thread_id=command.thread_id,
        session_id=thread.session_id,
        device_id=device,
        tester_handle=author_of(thread, new, device),
        title=command.title,
        build=command.build,
        messages=new,
        first_number=thread.messages + 1,
        called_at_ms=request.at_ms,
    )
    return (event,)


def _new(messages: list[DiscordMessage], thread: DiscordThread | None) -> list[DiscordMessage]:
    """The messages that the thread's session has not; of two with one id, the first."""
    known = set() if thread is None else thread.known
    found = []
    for message in messages:
        digest = digest_of(message.id)
        if digest not in known:
            known.add(digest)
            found.append(message)
    return found
