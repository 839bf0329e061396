"""Rule-based findings about a finished session. Pure: the same events give the same insights.

Whatever changes what they find raises `RULES_VERSION`: sessions that older rules analysed are then analysed
anew by `questlog rebuild insights`, and `--verify` leaves them out until that is done.

The rules are those of contract/telemetry.md, "Reads served from it now", and for what was written those of
contract/analytics.md. Read as: a place is stuck when it
was entered, started or failed 5 times or more and never completed; three deaths within 2 minutes make a
spike, and overlapping spikes are one; a completion looks at the failures of its place since the one before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from projections.telemetry.rule_events import COMPLETED, DEATH, ENTRIES, FAILED, PROBLEMS, RULE_EVENTS
from projections.telemetry.text_rules import TEXT_CONFIDENCE, find_in_text
from schemas.studio.discord import MESSAGE, SOURCE
from schemas.telemetry.friction import tag_of
from schemas.telemetry.insights import InsightType, Sentiment

if TYPE_CHECKING:
    from projections.telemetry.active_time import EventId, Run
    from projections.telemetry.session_key import SessionKey

RULES_VERSION: Final = 3
STUCK_AFTER: Final = 5
SPIKE_DEATHS: Final = 3
SPIKE_MS: Final = 2 * 60 * 1000
PAUSE_MS: Final = 90 * 1000
TURNAROUND_FAILURES: Final = 3
_SENTIMENT_OF: Final[dict[InsightType, Sentiment]] = {
    "positive-moment": "positive",
    "session-summary": "neutral",
}
"""Of the rules that are not negative."""
PER_RULE_MAX: Final = 100
"""Findings of one rule in one session; the earliest are kept."""


class RuleEvent(NamedTuple):
    """An event that rules look at. `place` is its room, else `props.level`, else empty.

    `text` is what a message says, empty for other events.
    """

    at_ms: int
    event: EventId
    name: str
    place: str
    text: str = ""


class FinishedSession(msgspec.Struct, frozen=True, kw_only=True):
    """A closed session, joined from its parts: runs in order of time, counts of all its events by name."""

    key: SessionKey
    player_id: str = ""
    source: str = ""
    build_id: str
    environment: str
    runs: Sequence[Run]
    idle_ms: int = 0
    """Pauses inside runs: no active time."""
    event_counts: dict[str, int]
    started_at_ms: int | None = None

    @property
    def recorded_at_ms(self) -> int:
        """When it began, by its sender, else when its first event was."""
        return self.runs[0].start_ms if self.started_at_ms is None else self.started_at_ms

    @property
    def wall_ms(self) -> int:
        """From the first event to the last."""
        return self.runs[-1].end_ms - self.runs[0].start_ms

    @property
    def active_ms(self) -> int:
        """Sum of the gaps of at most 30 s between consecutive events."""
        return sum(run.end_ms - run.start_ms for run in self.runs) - self.idle_ms

    @property
    def events(self) -> int:
        """How many events it has: it only grows, so the analysis that saw more of them wins."""
        return sum(self.event_counts.values())


class Insight(msgspec.Struct, frozen=True, kw_only=True):
    """One finding. `created_at_ms` is the session's end, `events` what it rests on in order of time.

    `place` is the room or level that it is about, empty where it is about none.
    """

    insight_id: str
    type: InsightType
    sentiment: Sentiment
    confidence: float
    evidence: str
    events: tuple[EventId, ...]
    created_at_ms: int
    place: str = ""

    @property
    def tag(self) -> str:
        """What it is counted under."""
        return tag_of(self.type, self.place)


class Rules(NamedTuple):
    """Rules as a release ships them. A session's findings are all of one version."""

    version: int
    event_names: Sequence[str]
    derive: Callable[[FinishedSession, Iterable[RuleEvent]], list[Insight]]


def derive(session: FinishedSession, events: Iterable[RuleEvent]) -> list[Insight]:
    """All findings of a finished session with at least one event, in a fixed order."""
    ordered = sorted(events)
    by_place: dict[str, list[RuleEvent]] = {}
    for event in ordered:
        if event.place:
            by_place.setdefault(event.place, []).append(event)
    found: list[Insight] = []
    for place in sorted(by_place):
        found += _stuck(session, place, by_place[place])
        found += _spikes(session, place, by_place[place])
        found += _turnarounds(session, place, by_place[place])
    if session.source == SOURCE:
        found += _written(session, ordered)
    else:
        found += _pauses(session)
    found += _problems(session, ordered)
    found.append(_summary(session))
    kept: list[Insight] = []
    per_rule: dict[str, int] = {}
    for insight in sorted(found, key=lambda insight: (insight.type, insight.events, insight.evidence)):
        per_rule[insight.type] = per_rule.get(insight.type, 0) + 1
        if per_rule[insight.type] <= PER_RULE_MAX:
            kept.append(insight)
    return kept


def _stuck(session: FinishedSession, place: str, events: list[RuleEvent]) -> list[Insight]:
    tries = [event for event in events if event.name in ENTRIES or event.name == FAILED]
    if len(tries) < STUCK_AFTER or any(event.name == COMPLETED for event in events):
        return []
    failed = sum(event.name == FAILED for event in tries)
    evidence = f"{place} was entered or failed {len(tries)} times ({failed} failures) and never completed."
    return [_insight(session, "stuck-point", _grows(len(tries), 2.5), evidence, tries, place=place)]


def _spikes(session: FinishedSession, place: str, events: list[RuleEvent]) -> list[Insight]:
    deaths = [event for event in events if event.name == DEATH]
    clusters: list[list[RuleEvent]] = []
    reached = -1  # index of the last death that is in a cluster already
    for last in range(SPIKE_DEATHS - 1, len(deaths)):
        first = last - SPIKE_DEATHS + 1
        if deaths[last].at_ms - deaths[first].at_ms > SPIKE_MS:
            continue
        if first <= reached:
            clusters[-1] += deaths[reached + 1 : last + 1]
        else:
            clusters.append(deaths[first : last + 1])
        reached = last
    return [
        _insight(
            session,
            "difficulty-spike",
            _grows(len(cluster), 1.5),
            f"{len(cluster)} deaths in {place} within {_seconds(cluster[-1].at_ms - cluster[0].at_ms)}.",
            cluster,
            place=place,
        )
        for cluster in clusters
    ]


def _turnarounds(session: FinishedSession, place: str, events: list[RuleEvent]) -> list[Insight]:
    found = []
    failures: list[RuleEvent] = []
    for event in events:
        if event.name == FAILED:
            failures.append(event)
        elif event.name == COMPLETED:
            if len(failures) >= TURNAROUND_FAILURES:
                evidence = f"{place} was completed after {len(failures)} failures."
                confidence = _grows(len(failures), 2.0)
                events_of = [*failures, event]
                found.append(
                    _insight(session, "positive-moment", confidence, evidence, events_of, place=place)
                )
            failures = []
    return found


def _pauses(session: FinishedSession) -> list[Insight]:
    found = []
    for before, after in zip(session.runs, session.runs[1:], strict=False):
        pause_ms = after.start_ms - before.end_ms
        if pause_ms >= PAUSE_MS:
            evidence = f"No event for {_seconds(pause_ms)} while the session went on."
            found.append(_insight(session, "pacing-issue", 0.6, evidence, [before.last, after.first]))
    return found


def _problems(session: FinishedSession, events: list[RuleEvent]) -> list[Insight]:
    return [
        _insight(
            session,
            "bug-report",
            0.95 if event.name == "crash" else 0.8,
            f"The game reported {'a crash' if event.name == 'crash' else 'an error'}"
            + (f" in {event.place}." if event.place else "."),
            [event],
            place=event.place,
        )
        for event in events
        if event.name in PROBLEMS
    ]


def _written(session: FinishedSession, events: list[RuleEvent]) -> list[Insight]:
    """What people wrote about the game. A pause between messages says nothing of it."""
    found = []
    for event in events:
        about = find_in_text(event.text) if event.name == MESSAGE else None
        if about is not None:
            insight = _insight(session, about.type, TEXT_CONFIDENCE, event.text, [event])
            found.append(msgspec.structs.replace(insight, sentiment=about.sentiment))
    return found


def _summary(session: FinishedSession) -> Insight:
    counts = session.event_counts
    evidence = (
        f"{_seconds(session.wall_ms)} long, {_seconds(session.active_ms)} of it active:"
        f" {session.events} events,"
        f" {counts.get(DEATH, 0)} deaths, {counts.get(FAILED, 0)} levels failed,"
        f" {counts.get(COMPLETED, 0)} completed."
    )
    ends = list(dict.fromkeys((session.runs[0].first, session.runs[-1].last)))
    return _insight(session, "session-summary", 1.0, evidence, ends)


def _insight(
    session: FinishedSession,
    rule: InsightType,
    confidence: float,
    evidence: str,
    events: Sequence[RuleEvent] | Sequence[EventId],
    *,
    place: str = "",
) -> Insight:
    rests_on = tuple(event.event if isinstance(event, RuleEvent) else event for event in events)
    name = "\0".join((session.key.game_id, session.key.session_id, rule, str(rests_on[0])))
    return Insight(
        insight_id=f"ins_{sha256(name.encode()).hexdigest()[:24]}",
        type=rule,
        sentiment=_SENTIMENT_OF.get(rule, "negative"),
        confidence=confidence,
        evidence=evidence,
        events=rests_on,
        created_at_ms=session.runs[-1].end_ms,
        place=place,
    )


def _grows(times: int, half: float) -> float:
    """Confidence that approaches 1 with repetition, two places."""
    return round(1 - float(0.5 ** (times / half)), 2)


def _seconds(ms: int) -> str:
    return f"{ms // 1000} s"


RULES: Final = Rules(RULES_VERSION, RULE_EVENTS, derive)
