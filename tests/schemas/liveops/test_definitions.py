from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from schemas.edge.ports import Game, Limits
from schemas.liveops.definitions import (
    crate_table,
    decode_definition,
    resolve_event,
    resolve_events,
    table_version_of,
)
from schemas.studio.definitions import load_definitions
from streams.deciders.liveops.rules import rules_of

DEMO = Path(__file__).parents[3] / "deploy" / "lab" / "demo" / "demo.yaml"


def demo(version: int = 1) -> Game:
    """The demo's game as the directory gives it: through MessagePack."""
    defined = load_definitions(DEMO.read_text()).games[0]
    definition = msgspec.msgpack.decode(msgspec.msgpack.encode(defined.settings.definition))
    return Game(
        id="game_1",
        studio_id="user_1",
        slug="doom",
        name="Doom",
        created_at_ms=0,
        limits=Limits(),
        definition=definition,
        definition_version=version,
    )


def test_an_event_is_resolved_to_the_bytes_that_a_decider_reads() -> None:
    resolved = resolve_event(demo(7), "weekly-frags")
    assert resolved is not None
    assert decode_definition(resolved.encoded) == resolved.definition
    assert resolved.reference == f"7:{hashlib.sha256(resolved.encoded).hexdigest()[:16]}"
    assert resolve_event(demo(8), "weekly-frags") != resolved
    assert resolve_event(demo(), "nothing") is None
    window = resolved.window_at(1_800_000_000_000)
    assert window is not None
    assert window.ends_at_ms - window.starts_at_ms == 7 * 86_400_000


def test_rules_of_every_demo_event_can_be_made() -> None:
    resolved = {event.definition.event_key: event for event in resolve_events(demo())}
    assert set(resolved) == {"weekly-frags", "speedrun", "bounty", "squads", "duel", "arena", "leagues"}
    frags = rules_of(resolved["weekly-frags"].encoded)
    assert frags.score({"frags": 2.0, "damage": 5.0}) == 205.0
    assert (frags.only_metric, frags.limited, len(frags.completions)) == ("frags", True, 1)
    assert [(reward.rank_max, len(reward.table)) for reward in frags.rank_rewards] == [(3, 2)]
    duel = rules_of(resolved["duel"].encoded)
    assert [least for least, _ in duel.thresholds] == [10.0]
    assert rules_of(bytes(resolved["duel"].encoded)) is duel


def test_a_servers_table_is_named_by_what_it_says() -> None:
    resolved = resolve_event(demo(), "weekly-frags")
    assert resolved is not None
    crate = resolved.definition.rewards[1].crate
    assert crate is not None
    table = crate_table(crate.table)
    assert table_version_of(table) == table_version_of(list(table)) != table_version_of(table[:1])
