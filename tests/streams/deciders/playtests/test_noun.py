from __future__ import annotations

import msgspec
import pytest
from immutables import Map

from schemas.codec import Message
from schemas.log import LogRecord
from schemas.playtests import account_commands, order_commands
from schemas.playtests.batch_views import Batch as BatchView
from schemas.playtests.batch_views import BatchDefinition
from schemas.playtests.commands import COMMANDS
from schemas.playtests.events import EVENTS
from schemas.playtests.views import Playtester
from streams.deciders import state_chunks
from streams.deciders.decide import decide_record
from streams.deciders.fold import Fold
from streams.deciders.playtests import noun
from streams.deciders.playtests.batch_state import Batch, Game
from streams.deciders.playtests.evolve import STEPS
from streams.deciders.playtests.noun import PLAYTESTS
from streams.deciders.playtests.snapshot import PIECE_ROWS
from streams.deciders.playtests.state import PlaytesterState, PlaytestsState, StudioState
from tests.streams.deciders.playtests.given import AT_MS, STUDIO, Playtests, order, record_of


class Foreign(Message, frozen=True, kw_only=True):
    WIRE = "other.thing-happened.v1"


def test_every_command_is_decided_and_every_event_evolved() -> None:
    assert {command.WIRE for command in noun._DECIDERS} == COMMANDS.wire_names
    assert {event.WIRE for event in STEPS} == EVENTS.wire_names


def test_another_nouns_event_halts_its_reader() -> None:
    with pytest.raises(TypeError, match="no event of this noun"):
        PLAYTESTS.evolve(PLAYTESTS.initial, Foreign(), AT_MS)
    with pytest.raises(TypeError, match="no event of this noun"):
        PLAYTESTS.aggregate_of(Foreign())


@pytest.mark.parametrize("aggregate_id", ["account/x", "order/x/y", f"order/{STUDIO}/y", f"thing/{STUDIO}/y"])
def test_an_aggregate_that_there_is_not_has_had_no_event(aggregate_id: str) -> None:
    assert PLAYTESTS.sequence(Playtests().state, aggregate_id) == 0


def test_one_failing_command_leaves_the_others_of_its_record() -> None:
    world = Playtests(0)
    gift = account_commands.AdjustAccount(amount_cents=5, reason="x")
    broken = world.request(order())
    object.__setattr__(broken, "command", msgspec.structs.replace(order(), quantity="many"))
    value = record_of([world.request(gift), broken, world.request(gift)])
    record = LogRecord(topic="c", partition=0, offset=0, appended_at_ms=AT_MS, key=None, value=value)
    decision = decide_record(PLAYTESTS, Fold(PLAYTESTS), record)
    assert [letter.reason for letter in decision.dead_letters] == ["undecodable-command"]
    assert decision.state.studios[STUDIO].account.balance_cents == 10


def test_a_studio_decides_for_itself_alone() -> None:
    world = Playtests()
    world.given(account_commands.AdjustAccount(amount_cents=7, reason="x"), studio_id="user_2")
    order_id = world.active()
    assert world.state.studios["user_2"].account.balance_cents == 7
    assert world.refusal(order_commands.CancelPlaytest(order_id=order_id), studio_id="user_2") == (
        404,
        "NOT_FOUND",
    )


def test_a_large_state_is_packed_in_small_pieces_and_whole_again() -> None:
    world = Playtests()
    pool = world.active(selection_mode="manual")
    for number in range(300):
        world.applied(pool, f"p{number}")
    for _ in range(3):
        world.active(100)
    studio = world.studio
    definition = BatchDefinition(
        id="ptb_x",
        name="x",
        distribution_target="other",
        fulfillment_source="generated",
        redemption_mode="public",
        identity_mode="handle",
    )
    many = Map({f"h{number}": f"k{number}" for number in range(1000)})
    studio = StudioState(
        studio.account,
        studio.payments,
        studio.orders,
        Map({f"p{n}": PlaytesterState(Playtester(id=f"p{n}", studio_id=STUDIO)) for n in range(500)}),
        studio.trials,
        Map({"game_1": Game(handles=many)}),
        Map({"b": Batch(BatchView(definition=definition, status="open", created_at_ms=1), emails=many)}),
        Map({f"code {number}": True for number in range(1000)}),
    )
    state = PlaytestsState(Map({STUDIO: studio}), AT_MS)
    pieces = list(PLAYTESTS.pack(state))
    assert PLAYTESTS.unpack(pieces) == state
    assert max(len(piece) for piece in pieces) < 64 * 1024
    assert max(rows_of(piece) for piece in pieces) < PIECE_ROWS * 2


def rows_of(data: bytes) -> int:
    content = msgspec.msgpack.decode(state_chunks.read_chunk(data).content)
    return len(content) if isinstance(content, dict) else 1


@pytest.mark.parametrize("pieces", [[], [state_chunks.chunk(("account", "x"), (0, 0, 0))]])
def test_what_is_no_whole_state_is_refused(pieces: list[bytes]) -> None:
    with pytest.raises(msgspec.DecodeError, match="no whole state"):
        PLAYTESTS.unpack(pieces)
