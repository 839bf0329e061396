from __future__ import annotations

import msgspec
import pytest

from schemas.envelope import CommandRejected
from schemas.studio import discord
from schemas.studio.commands import TakeDiscordMessages
from schemas.studio.discord import APPENDS_WITHIN_MS, DiscordMessage, device_id
from schemas.studio.events import DiscordEvent, DiscordMessagesAppended, DiscordSessionOpened
from streams.deciders import discord_threads, studio_discord
from streams.deciders.noun import Request
from streams.deciders.studio import STUDIO
from streams.deciders.studio_state import StudioState
from tests.streams.deciders.given import AT_MS, Studios, define, game, seed

GAME = "game_1"
DEVICE = device_id(GAME, "1", "t")


def said(*ids: str, author: str = "ann") -> list[DiscordMessage]:
    return [DiscordMessage(name, author, f"text of {name}", AT_MS) for name in ids]


class Threads:
    """A studio's calls about threads, one after another."""

    def __init__(self) -> None:
        studios = Studios()
        studios.given(define("demo", game("doom", GAME)))
        studios.given(define("other", game("theirs", "game_theirs")))
        self.state: StudioState = studios.state
        self.studio_id = self.state.studio_ids["demo"]
        self.now = AT_MS
        self._count = 0

    def when(
        self, messages: list[DiscordMessage], channel: str = "1", thread: str = "t", game_id: str = GAME
    ) -> tuple[object, ...] | CommandRejected:
        self._count += 1
        return STUDIO.decide(
            self.state,
            Request(
                command_id=f"c{self._count}",
                aggregate_id=self.studio_id,
                studio_id=self.studio_id,
                game_id=game_id,
                command=TakeDiscordMessages(channel_id=channel, thread_id=thread, messages=messages),
                at_ms=self.now,
                seed=seed(f"thread {self._count}"),
            ),
        )

    def given(self, messages: list[DiscordMessage], channel: str = "1", thread: str = "t") -> DiscordEvent:
        verdict = self.when(messages, channel, thread)
        assert isinstance(verdict, tuple), verdict
        (event,) = verdict
        assert isinstance(event, DiscordEvent)
        self.state = STUDIO.evolve(self.state, event, self.now)
        return event


@pytest.fixture
def threads() -> Threads:
    return Threads()


def test_the_second_call_appends_to_the_session_that_the_first_began(threads: Threads) -> None:
    first, second = threads.given(said("a")), threads.given(said("a", "b"))
    assert (type(first), type(second)) == (DiscordSessionOpened, DiscordMessagesAppended)
    assert first.session_id == second.session_id
    assert first.session_id.startswith("sess_")
    assert [message.id for message in second.messages] == ["b"]
    assert (first.first_number, second.first_number) == (1, 2)


def test_an_id_counts_once_within_a_call_and_over_calls(threads: Threads) -> None:
    assert [message.id for message in threads.given(said("a", "b", "a")).messages] == ["a", "b"]
    assert threads.given(said("b", "a")).messages == []


def test_the_half_hour_is_counted_from_the_last_call_whatever_it_brought(threads: Threads) -> None:
    first = threads.given(said("a"))
    for _ in range(3):
        threads.now += APPENDS_WITHIN_MS
        assert threads.given([]).session_id == first.session_id
    threads.now += APPENDS_WITHIN_MS + 1
    later = threads.given(said("a"))
    assert isinstance(later, DiscordSessionOpened)
    assert later.session_id != first.session_id
    assert (len(later.messages), later.first_number) == (1, 1)


def test_channel_and_threads_have_sessions_of_their_own(threads: Threads) -> None:
    places = [("1", ""), ("1", "t"), ("1", "u"), ("2", "t"), ("1\n1", ""), ("1", "1\n")]
    calls = [threads.given(said("a"), channel, thread) for channel, thread in places]
    assert all(isinstance(call, DiscordSessionOpened) for call in calls)
    assert len({call.session_id for call in calls}) == len({call.device_id for call in calls}) == len(places)


def test_the_handle_is_the_sole_author_and_the_device_where_there_are_several(threads: Threads) -> None:
    calls = [[], said("a"), said("b"), said("c", author="bob"), said("d"), []]
    handles = [threads.given(messages).tester_handle for messages in calls]
    assert handles == ["", "ann", "ann", DEVICE, DEVICE, DEVICE]


@pytest.mark.parametrize("game_id", ["game_unknown", "game_theirs", ""])
def test_an_unknown_game_and_another_studios_are_the_same_refusal(threads: Threads, game_id: str) -> None:
    verdict = threads.when(said("a"), game_id=game_id)
    assert isinstance(verdict, CommandRejected)
    assert (verdict.status, verdict.code) == (404, "unknown_game")


def test_a_full_session_is_followed_by_another(threads: Threads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studio_discord, "SESSION_MESSAGES_MAX", 3)
    first = threads.given(said("a", "b"))
    assert threads.given(said("c")).session_id == first.session_id
    assert threads.given(said("c")).session_id == first.session_id  # nothing new: there is room for that
    after = threads.given(said("c", "d"))
    assert isinstance(after, DiscordSessionOpened)
    assert [message.id for message in after.messages] == ["c", "d"]


def test_a_studio_is_remembered_so_many_messages_of(
    threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studio_discord, "REMEMBERED_MAX", 3)
    threads.given(said("a", "b"), "1")
    threads.given(said("a"), "2")
    verdict = threads.when(said("b"), "2")
    assert isinstance(verdict, CommandRejected)
    assert verdict.status == 429
    threads.now = (threads.now // APPENDS_WITHIN_MS + 2) * APPENDS_WITHIN_MS  # what the gateway says to wait
    threads.given(said("b"), "2")


def test_what_takes_no_more_messages_is_forgotten(threads: Threads) -> None:
    for number in range(50):
        threads.given(said("a"), str(number))
    threads.now = (threads.now // APPENDS_WITHIN_MS + 1) * APPENDS_WITHIN_MS
    threads.given(said("b"), "7")
    held = threads.state.discord
    assert (len(held.this.threads), len(held.last.threads)) == (1, 50)
    assert discord_threads.remembered(held, threads.studio_id, threads.now) == 51
    threads.now += APPENDS_WITHIN_MS
    threads.given(said("c"), "8")
    held = threads.state.discord
    assert (len(held.this.threads), len(held.last.threads)) == (1, 1)


def test_a_snapshot_remembers_threads(threads: Threads) -> None:
    threads.given(said("a", "b"))
    threads.given(said("a"), "2", "")
    assert STUDIO.unpack(STUDIO.pack(threads.state)) == threads.state


def test_a_session_s_messages_fit_what_telemetry_remembers_of_one() -> None:
    from projections.telemetry.identities import REMEMBERED_MAX  # noqa: PLC0415 - of another room

    assert discord.SESSION_MESSAGES_MAX < REMEMBERED_MAX
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(said("a")), type=list[DiscordMessage]) == said("a")
