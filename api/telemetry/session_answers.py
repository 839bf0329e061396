"""Sessions, insights and testers as S1 answers them, and how they are made of what the store says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta

from schemas.rounding import half_up, half_up_to

if TYPE_CHECKING:
    from projections.telemetry.queries import insights, sessions
from api.telemetry.answers import Answer, Game, Milliseconds, RuleSummary, Seconds, Stats, Summary


class Session(Answer, frozen=True):
    """A playtest session as lists show it."""

    id: str
    game_id: str
    user_id: str
    title: str | None
    source: str
    status: str
    recorded_at: Milliseconds
    duration: Seconds
    device_id: str
    tester_handle: str
    transcript: Annotated[
        str | None,
        Meta(
            description="Of a Discord thread: a line `author: text` for each message by time, up to 100,000 "
            "characters. Null for telemetry, and in an answer after its first 100 sessions of threads."
        ),
    ]
    metadata: Annotated[
        dict[str, Any],
        Meta(
            description="As last sent, with the session's gameVersion and environment, which are the first "
            "that were sent, and its platform. `build` and `env` filter by these."
        ),
    ]


class FeedbackAnswer(Answer, frozen=True):
    """The answer to one field of a form."""

    field_id: str
    value: Any


class Feedback(Answer, frozen=True):
    """One submission of a feedback form."""

    form_id: str
    submission_id: str
    submitted_at: Milliseconds
    answers: list[FeedbackAnswer]


class FullSession(Session, frozen=True):
    """A session with everything that is known of it."""

    first_event_at: Milliseconds
    last_event_at: Milliseconds
    active_sec: Seconds
    engagement_rate: float
    country: str | None
    region: str | None
    city: str | None
    event_counts: Annotated[
        dict[str, int], Meta(description="Events by name: the 1,000 most frequent, the rest as `(other)`.")
    ]
    feedback: list[Feedback]


class Insight(Answer, frozen=True):
    """A finding about a session. `eventIds` name the events it rests on."""

    id: str
    session_id: str
    game_id: str
    device_id: Annotated[
        str | None,
        Meta(description="The tester. Null in findings of older rules, until `questlog rebuild insights`."),
    ]
    type: str
    sentiment: str
    confidence: float
    evidence: str
    event_ids: list[str]
    place: Annotated[
        str | None, Meta(description="The room or level it is about; null where it is about none.")
    ]
    tag: Annotated[
        str, Meta(description="The place as a slug with what was found, as `act2-door-stuck`; else the type.")
    ]
    created_at: Milliseconds


class SessionWithInsights(Answer, frozen=True):
    """One session and every insight attached to it."""

    session: FullSession
    insights: list[Insight]


class SessionPage(Answer, frozen=True):
    """A page of sessions."""

    items: list[Session]
    has_more: bool
    total: int


class InsightPage(Answer, frozen=True):
    """A page of insights."""

    items: list[Insight]
    has_more: bool
    total: int


class TesterRollup(Answer, frozen=True):
    """All of a device's sessions together. Where it has none in the environment asked for: zeros and null."""

    device_id: str
    session_count: int
    first_seen: Milliseconds | None
    last_seen: Milliseconds | None
    stats: Stats
    last_build: str | None
    country: str | None
    region: str | None
    city: str | None


class Tester(Answer, frozen=True):
    """A tester of a game with the latest 10,000 sessions. `summary` is null until one exists."""

    game: Game
    rollup: TesterRollup
    sessions: list[Session]
    summary: Summary | None
    rule_summary: RuleSummary


def session(found: sessions.Session, studio_id: str) -> Session:
    """A session as lists show it."""
    return Session(**_common(found, studio_id))


def full_session(detail: sessions.SessionDetail, studio_id: str) -> FullSession:
    """A session with everything."""
    found = detail.session
    return FullSession(
        **_common(found, studio_id),
        first_event_at=found.first_event_at,
        last_event_at=found.last_event_at,
        active_sec=half_up(found.active_ms, 1000),
        engagement_rate=half_up_to(found.active_ms, found.wall_ms, 2),
        country=found.country or None,
        region=found.region or None,
        city=found.city or None,
        event_counts=found.event_counts,
        feedback=[
            Feedback(
                form_id=submission.form_id,
                submission_id=submission.submission_id,
                submitted_at=submission.submitted_at,
                answers=[
                    FeedbackAnswer(field_id=str(answer.get("fieldId", "")), value=answer.get("value"))
                    for answer in submission.answers
                ],
            )
            for submission in detail.feedback
        ],
    )


def insight(found: insights.Insight) -> Insight:
    """An insight as answered."""
    return Insight(
        id=found.id,
        session_id=found.session_id,
        game_id=found.game_id,
        device_id=found.device_id or None,
        type=found.type,
        sentiment=found.sentiment,
        confidence=found.confidence,
        evidence=found.evidence,
        event_ids=found.event_ids,
        place=found.place or None,
        tag=found.tag,
        created_at=found.created_at,
    )


def _common(found: sessions.Session, studio_id: str) -> dict[str, Any]:
    known = {"gameVersion": found.build, "environment": found.environment, "platform": found.platform}
    return {
        "id": found.id,
        "game_id": found.game_id,
        "user_id": studio_id,
        "title": found.title or None,
        "source": found.source,
        "status": found.status,
        "recorded_at": found.recorded_at,
        "duration": half_up(found.wall_ms, 1000),
        "device_id": found.device_id,
        "tester_handle": found.tester_handle or found.device_id,
        "transcript": found.transcript,
        # What filters compare, which is the session's first word of build and environment, over its latest.
        "metadata": found.metadata | {name: value for name, value in known.items() if value},
    }
