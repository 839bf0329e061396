"""What holds for the studio decider whatever is asked of it, in whatever order, however it is batched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec import Message
from schemas.edge.ports import KeyKind
from schemas.envelope import Command, EventsRecord
from schemas.log import LogRecord
from schemas.studio.commands import CreateKey, DefineStudio, RevokeKey, RotateKey
from streams.deciders.decide import decide_record, encode_events_record
from streams.deciders.fold import Fold
from streams.deciders.studio import STUDIO
from streams.deciders.studio_state import StudioState
from tests.streams.deciders.given import AT_MS, command_of, game, record_of

SLUGS = st.sampled_from(["a", "b", "c"])
GAME_IDS = st.sampled_from([None, "game_1", "game_2"])
HASHES = st.sampled_from([f"h{number}" for number in range(6)])
AXES = st.sampled_from(["xy", "xz"])

defines = st.builds(
    DefineStudio,
    slug=SLUGS,
    name=st.sampled_from(["One", "Two"]),
    plan=st.sampled_from(["free", "indie"]),
    games=st.lists(st.builds(lambda s, i, x: game(s, i, heatmap_axes=x), SLUGS, GAME_IDS, AXES), max_size=3),
)
creates = st.builds(
    CreateKey,
    kind=st.sampled_from([KeyKind.MANAGEMENT, KeyKind.INGEST, KeyKind.PUBLIC_TOKEN]),
    hash=HASHES,
    game_id=st.sampled_from(["", "game_1", "game_2"]),
)
NUMBERS = st.integers(0, 5)


class Asked:
    """Commands that speak of studios and keys by number, so that they often hit what exists."""

    def __init__(self) -> None:
        self.fold = Fold(STUDIO)
        self.log: list[LogRecord] = []
        self.commands: list[Command] = []

    def ask(self, bodies: Iterable[tuple[object, int, int]]) -> EventsRecord:
        commands: list[Command] = []
        for asked, studio, key in bodies:
            studios, keys = sorted(self.fold.state.studios), sorted(self.fold.state.keys)
            studio_id = studios[studio % len(studios)] if studios else "none"
            key_id = keys[key % len(keys)] if keys else "none"
            body = asked
            if asked is RevokeKey:
                body = RevokeKey(key_id=key_id)
            elif asked is RotateKey:
                body = RotateKey(key_id=key_id, hash=f"h{key}")
            assert isinstance(body, Message)
            command_id = f"c{len(self.commands) + len(commands)}"
            commands.append(command_of(body, command_id, studio_id=studio_id))
        self.commands += commands
        return self.decide(record_of(*commands))

    def decide(self, value: bytes) -> EventsRecord:
        record = LogRecord(
            topic="c",
            partition=0,
            offset=self.fold.cursor.src + 1,
            appended_at_ms=AT_MS,
            key=None,
            value=value,
        )
        decision = decide_record(STUDIO, self.fold, record)
        events = LogRecord(
            topic="e",
            partition=0,
            offset=len(self.log),
            appended_at_ms=AT_MS,
            key=None,
            value=encode_events_record(decision.record),
        )
        assert self.fold.accept(events)
        self.log.append(events)
        return decision.record


bodies = st.one_of(defines, creates, st.just(RevokeKey), st.just(RotateKey))
records = st.lists(st.tuples(bodies, NUMBERS, NUMBERS), max_size=4)
histories = st.lists(records, max_size=8)


def check_uniqueness(state: StudioState) -> None:
    assert {studio.slug: studio_id for studio_id, studio in state.studios.items()} == dict(state.studio_ids)
    owned = Counter(game_id for studio in state.studios.values() for game_id in studio.games.values())
    assert set(owned) == set(state.games)
    assert all(count == 1 for count in owned.values())
    for studio_id, studio in state.studios.items():
        for slug, game_id in studio.games.items():
            assert state.games[game_id].settings.slug == slug
            assert state.games[game_id].studio_id == studio_id
        active = {
            key_id: key
            for key_id, key in state.keys.items()
            if key.studio_id == studio_id and not key.revoked
        }
        assert studio.active_keys == len(active)
        assert studio.playtester_keys == sum(key.kind == KeyKind.PLAYTESTER for key in active.values())
        management = [key_id for key_id, key in active.items() if key.kind == KeyKind.MANAGEMENT]
        assert management == ([studio.management_key_id] if studio.management_key_id else [])
    assert len({key.hash for key in state.keys.values()}) == len(state.keys)
    assert all(state.key_ids[key.hash] == key_id for key_id, key in state.keys.items())


@given(histories)
def test_ids_slugs_hashes_and_management_keys_stay_unique(
    history: list[list[tuple[object, int, int]]],
) -> None:
    asked = Asked()
    for record in history:
        asked.ask(record)
        check_uniqueness(asked.fold.state)


@given(histories)
def test_a_replay_of_the_events_gives_the_state(history: list[list[tuple[object, int, int]]]) -> None:
    asked = Asked()
    for record in history:
        asked.ask(record)
    replayed = Fold(STUDIO)
    for events in asked.log:
        assert replayed.accept(events)
    assert replayed.state == asked.fold.state
    assert replayed.remembered() == asked.fold.remembered()
    assert STUDIO.unpack(STUDIO.pack(replayed.state)) == replayed.state


@given(histories)
def test_deciding_everything_twice_is_deciding_it_once(history: list[list[tuple[object, int, int]]]) -> None:
    asked = Asked()
    for record in history:
        asked.ask(record)
    before = asked.fold.state
    decided_again = asked.decide(record_of(*asked.commands))
    assert asked.fold.state == before
    assert len(decided_again.decided) == len(asked.commands)


@settings(max_examples=50)
@given(histories, st.data())
def test_a_duplicated_or_foreign_events_record_changes_nothing(
    history: list[list[tuple[object, int, int]]], data: st.DataObject
) -> None:
    asked = Asked()
    for record in history:
        asked.ask(record)
    if not asked.log:
        return
    again = data.draw(st.sampled_from(asked.log))
    noisy = Fold(STUDIO)
    for events in asked.log:
        noisy.accept(msgspec.structs.replace(events, offset=noisy.cursor.offset))
        if events.offset >= again.offset:
            assert not noisy.accept(msgspec.structs.replace(again, offset=noisy.cursor.offset))
    assert noisy.state == asked.fold.state
