from __future__ import annotations

import pytest

from schemas.codec import Message
from schemas.liveops.commands import COMMANDS, CreditWallet, DebitWallet, StartAttempt
from schemas.liveops.events import EVENTS, PlayerCreated, PlayerForgotten
from schemas.log import LogRecord
from streams.deciders.decide import decide_record
from streams.deciders.fold import Fold
from streams.deciders.liveops import noun
from streams.deciders.liveops.evolve_players import PLAYER_STEPS
from streams.deciders.liveops.evolve_windows import WINDOW_STEPS
from streams.deciders.liveops.noun import LIVEOPS
from tests.streams.deciders.liveops.given import AT_MS, GAME_ID, Liveops, kinds, record_of


class Foreign(Message, frozen=True, kw_only=True):
    WIRE = "other.thing-happened.v1"


def test_every_command_is_decided_and_every_event_evolved() -> None:
    assert {command.WIRE for command in noun._DECIDERS} == COMMANDS.wire_names
    markers = {"liveops.window-opened.v1", "liveops.window-closing.v1"}
    evolved: list[type[Message]] = [*PLAYER_STEPS, *WINDOW_STEPS, PlayerCreated, PlayerForgotten]
    stepped = {event.WIRE for event in evolved}
    assert stepped | markers == EVENTS.wire_names


def test_another_nouns_event_halts_its_reader() -> None:
    with pytest.raises(TypeError, match="no event of this noun"):
        LIVEOPS.evolve(LIVEOPS.initial, Foreign(), AT_MS)
    with pytest.raises(TypeError, match="no event of this noun"):
        LIVEOPS.aggregate_of(Foreign())
    assert LIVEOPS.sequence(LIVEOPS.initial, "player/game_1/ann") == 0


def test_a_record_carries_each_definition_once_for_all_its_commands() -> None:
    world = Liveops()
    start = StartAttempt(event_key="frags", window_id=world.window())
    requests = [world.request(start, player) for player in ("ann", "bob")]
    record = LogRecord(
        topic="c", partition=0, offset=0, appended_at_ms=AT_MS, key=None, value=record_of(requests)
    )
    decision = decide_record(LIVEOPS, Fold(LIVEOPS), record)
    first, second = ([event.type for event in decided.events] for decided in decision.record.decided)
    assert [len(first), len(second)] == [3, 2]  # the first one pins the window
    (marker,) = decision.state.markers.values()
    assert marker.reference == world.events["frags"].reference


def test_one_failing_command_leaves_the_others_of_its_record() -> None:
    world = Liveops()
    good, bad = CreditWallet(economy_key="gold", amount=5), StartAttempt(event_key="frags", window_id="w_1_2")
    broken = world.request(bad)
    object.__setattr__(broken, "definition", b"\xc1 no definition")
    value = record_of([world.request(good), broken, world.request(DebitWallet(economy_key="gold", amount=2))])
    record = LogRecord(topic="c", partition=0, offset=0, appended_at_ms=AT_MS, key=None, value=value)
    decision = decide_record(LIVEOPS, Fold(LIVEOPS), record)
    assert [letter.reason for letter in decision.dead_letters] == ["decider-failed"]
    world.state = decision.state
    assert world.player().wallet["gold"].quantity == 3


def test_players_of_two_games_are_two() -> None:
    world = Liveops()
    events = world.given(CreditWallet(economy_key="gold", amount=5))
    assert {getattr(event, "game_id", None) for event in events} == {GAME_ID}
    request = world.request(DebitWallet(economy_key="gold", amount=5))
    object.__setattr__(request, "aggregate_id", "player/game_2/ann")
    assert not isinstance(LIVEOPS.decide(world.state, request), tuple)
    assert kinds(world.given(DebitWallet(economy_key="gold", amount=5))) == ["WalletChanged"]
