from __future__ import annotations

from hashlib import sha256
from random import Random
from typing import TYPE_CHECKING, Final

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from projections.telemetry.active_time import EventId, Run, merge
from projections.telemetry.insights import (
    PER_RULE_MAX,
    RULES_VERSION,
    FinishedSession,
    Insight,
    RuleEvent,
    derive,
)
from projections.telemetry.rule_events import RULE_EVENTS
from projections.telemetry.session_key import SessionKey

if TYPE_CHECKING:
    from collections.abc import Sequence

KEY = SessionKey("studio", "game", "session")


def happen(*happenings: tuple[int, str, str]) -> list[RuleEvent]:
    return [
        RuleEvent(at_ms, EventId(0, 10, item), name, place)
        for item, (at_ms, name, place) in enumerate(happenings)
    ]


def session_of(events: Sequence[RuleEvent], *more_ms: int) -> FinishedSession:
    counts: dict[str, int] = {}
    for event in events:
        counts[event.name] = counts.get(event.name, 0) + 1
    moments = [(event.at_ms, event.event) for event in events]
    moments += [(at_ms, EventId(0, 99, number)) for number, at_ms in enumerate(more_ms)]
    return FinishedSession(
        key=KEY,
        build_id="1",
        environment="production",
        runs=merge(Run(at_ms, event, at_ms, event) for at_ms, event in moments),
        event_counts=counts | ({"tick": len(more_ms)} if more_ms else {}),
    )


def found(events: list[RuleEvent], *more_ms: int) -> dict[str, list[Insight]]:
    by_rule: dict[str, list[Insight]] = {}
    for insight in derive(session_of(events, *more_ms), events):
        by_rule.setdefault(insight.type, []).append(insight)
    return by_rule


FINDINGS: Final = {3: "00c3d8b4bc475441"}
"""What this version of the rules finds in the same 300 sessions. Other findings need another version."""
TEXTS: Final = ("Stuck again", "too hard, unfair", "Love it", "not that great", "I wish for more", "hm")


def test_other_findings_have_another_rules_version() -> None:
    draw = Random(11)
    digest = sha256()
    for _ in range(300):
        at_ms = 0
        happenings = []
        for _ in range(draw.randint(1, 40)):
            at_ms += draw.choice((1_000, 20_000, 100_000))
            happenings.append((at_ms, draw.choice(RULE_EVENTS), draw.choice(("", "door", "roof"))))
        events = [event._replace(text=draw.choice(TEXTS)) for event in happen(*happenings)]
        source = draw.choice(("discord", "unity-telemetry"))
        session = msgspec.structs.replace(session_of(events), source=source)
        findings = [(one, one.tag) for one in derive(session, events)]
        digest.update(msgspec.json.encode(findings))
    assert digest.hexdigest()[:16] == FINDINGS[RULES_VERSION]


def test_each_message_of_a_thread_gives_one_finding_and_a_pause_none() -> None:
    texts = ["It crashes. A bug! And I love it.", "The menu is annoying", "Hello", "This is great"]
    events = [
        RuleEvent(place * 600_000, EventId(0, 10, place), "discord_message", "", text)
        for place, text in enumerate(texts)
    ]
    thread = msgspec.structs.replace(session_of(events), source="discord")
    findings = [(one.type, one.sentiment, one.confidence, one.evidence) for one in derive(thread, events)]
    assert findings[:3] == [
        ("bug-report", "negative", 0.5, texts[0]),
        ("praise", "positive", 0.5, texts[3]),
        ("session-summary", "neutral", 1.0, findings[2][3]),
    ]
    assert findings[3:] == [("ui-friction", "negative", 0.5, texts[1])]
    game = msgspec.structs.replace(session_of(events), source="unity-telemetry")
    assert {one.type for one in derive(game, events)} == {"pacing-issue", "session-summary"}


def test_golden_session() -> None:
    events = happen(
        (0, "level_started", "act1"),
        (10_000, "player_death", "act1"),
        (20_000, "level_failed", "act1"),
        (40_000, "player_death", "act1"),
        (60_000, "level_failed", "act1"),
        (80_000, "player_death", "act1"),
        (90_000, "level_failed", "act1"),
        (110_000, "level_completed", "act1"),
        (220_000, "crash", "act2"),
    )
    insights = derive(session_of(events), events)
    assert [
        (insight.type, insight.sentiment, [event.item for event in insight.events]) for insight in insights
    ] == [
        ("bug-report", "negative", [8]),
        ("difficulty-spike", "negative", [1, 3, 5]),
        ("pacing-issue", "negative", [7, 8]),
        ("positive-moment", "positive", [2, 4, 6, 7]),
        ("session-summary", "neutral", [0, 8]),
    ]
    assert {insight.created_at_ms for insight in insights} == {220_000}
    assert insights[1].insight_id == "ins_448e0e5e2c9762daf2fd571d"
    assert insights[1].evidence == "3 deaths in act1 within 70 s."
    assert [(insight.place, insight.tag) for insight in insights] == [
        ("act2", "act2-bug"),
        ("act1", "act1-difficulty"),
        ("", "pacing-issue"),
        ("act1", "act1-positive-moment"),
        ("", "session-summary"),
    ]
    assert insights[4].evidence == (
        "220 s long, 110 s of it active: 9 events, 3 deaths, 3 levels failed, 1 completed."
    )


def test_a_place_is_stuck_from_the_fifth_try_on_if_it_was_never_completed() -> None:
    tries = [(second * 1000, "room_entered", "door") for second in range(4)]
    assert "stuck-point" not in found(happen(*tries))
    (stuck,) = found(happen(*tries, (5_000, "level_failed", "door")))["stuck-point"]
    assert stuck.confidence == 0.75
    assert len(stuck.events) == 5
    completed = happen(*tries, (5_000, "level_failed", "door"), (6_000, "level_completed", "door"))
    assert "stuck-point" not in found(completed)


def test_three_deaths_within_two_minutes_are_a_spike_and_overlapping_ones_are_one() -> None:
    within = happen((0, "player_death", "a"), (60_000, "player_death", "a"), (120_000, "player_death", "a"))
    assert len(found(within)["difficulty-spike"]) == 1
    beyond = happen((0, "player_death", "a"), (60_000, "player_death", "a"), (120_001, "player_death", "a"))
    assert "difficulty-spike" not in found(beyond)
    elsewhere = happen((0, "player_death", "a"), (1, "player_death", "b"), (2, "player_death", "a"))
    assert "difficulty-spike" not in found(elsewhere)
    many = happen(*((number * 50_000, "player_death", "a") for number in range(6)))
    (spike,) = found(many)["difficulty-spike"]
    assert len(spike.events) == 6


def test_90_seconds_without_an_event_are_a_pause_only_while_the_session_goes_on() -> None:
    events = happen((0, "room_entered", "a"))
    assert len(found(events, 90_000)["pacing-issue"]) == 1
    assert "pacing-issue" not in found(events, 89_999)
    assert "pacing-issue" not in found(events)


def test_failures_before_an_earlier_completion_do_not_count_again() -> None:
    events = happen(
        (0, "level_failed", "a"),
        (1, "level_failed", "a"),
        (2, "level_completed", "a"),
        (3, "level_failed", "a"),
        (4, "level_completed", "a"),
    )
    assert "positive-moment" not in found(events)


def test_a_rule_has_a_limit() -> None:
    events = happen(*((number, "error", "") for number in range(PER_RULE_MAX + 5)))
    assert len(found(events)["bug-report"]) == PER_RULE_MAX


@given(
    st.lists(
        st.tuples(
            st.integers(0, 600_000),
            st.sampled_from(["room_entered", "level_failed", "player_death", "level_completed", "crash"]),
            st.sampled_from(["", "a", "b"]),
        ),
        min_size=1,
        max_size=40,
    ),
    st.randoms(use_true_random=False),
)
def test_the_order_of_reading_does_not_matter_and_there_is_one_summary(
    happenings: list[tuple[int, str, str]], random: object
) -> None:
    events = happen(*happenings)
    session = session_of(events)
    shuffled = list(events)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    insights = derive(session, events)
    assert derive(session, shuffled) == insights
    assert sum(insight.type == "session-summary" for insight in insights) == 1
    assert len({insight.insight_id for insight in insights}) == len(insights)
