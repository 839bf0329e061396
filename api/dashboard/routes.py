"""The page's data as routes: what each answers, and which query it takes."""

from __future__ import annotations

from typing import Any, Final

from api.dashboard import answers
from api.dashboard.competitions import SEGMENT_MAX, WINDOWS
from api.dashboard.parameters import TEXT_MAX
from api.dashboard.routes_days import DAYS
from api.dashboard.routes_drill import DRILL
from api.dashboard.routes_fleet import FLEET
from api.dashboard.routes_funnel import FUNNEL
from api.dashboard.routes_management import MANAGEMENT
from api.dashboard.routes_parts import FILTERS, GAME, KEYS, data_route
from api.dashboard.routes_playtests import PLAYTESTS
from api.dashboard.session import COOKIE
from api.telemetry.routes import DOCUMENT as S1
from projections.telemetry.queries.dashboard_filters import Choices
from projections.telemetry.queries.dashboard_heatmap import Heatmap
from projections.telemetry.queries.dashboard_sessions import Activity
from projections.telemetry.queries.dashboard_summary import Summary
from projections.telemetry.queries.dashboard_timeline import Timeline
from schemas.edge.openapi import Document, Refusal
from schemas.edge.parameters import Choice, Integer, Parameter, Text
from schemas.edge.ports import KeyKind
from schemas.edge.routes import Answer, Route
from schemas.identifiers import ID_CHARACTERS_MAX
from schemas.liveops.responses import LeaderboardResponse, LeaderboardStreamEvent, LedgerResponse
from schemas.studio.action_routes import ID as EXPERIMENT_ID

_DESCRIPTION: Final = """The JSON behind `/dashboard/live`.

Every route takes the cookie that signing in there sets, and shows the games of the key that signed in: all of
its studio for a management key, one for a secret key. The answers follow the page and may change with it."""
_SESSION: Final = {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "Set by signing in."}
_SESSION_KEY: Final = {"type": "http", "scheme": "bearer", "description": "wpg_ds_…, of a signed-in page."}
DOCUMENT: Final = Document(
    title="Dashboard data",
    description=_DESCRIPTION,
    credentials={
        **{kind: {"session": _SESSION} for kind in KEYS},
        KeyKind.PLAYTEST_OWNER: {"sessionKey": _SESSION_KEY},
    },
    error=answers.Error,
    refusals={
        400: Refusal(
            "A parameter that can't be read; `field` names it.",
            answers.Error("bad_parameter", "range looks like 15m, 6h or 7d", "range"),
        ),
        401: Refusal(
            "No session, or one whose key was rotated or revoked.",
            answers.Error("signed_out", "Sign in again: the session has ended."),
        ),
        402: Refusal(
            "Only an AI key of the studio's own gives this.",
            answers.Error("key_needed", "Suggestions need a chat key of the studio's own."),
        ),
        403: Refusal(
            "Not for this session's key, or not asked by the dashboard's own page.",
            answers.Error("not_allowed", "Playtests are the studio's: sign in with a management key."),
        ),
        404: Refusal(
            "Not there, or not this session's: the answer is the same.",
            answers.Error("not_found", "No such game, or not one of this key's."),
        ),
        405: Refusal("Only POST.", answers.Error("method_not_allowed", "PUT is not allowed here")),
        408: Refusal("The body did not arrive in time.", answers.Error("request_timeout", "too slow")),
        409: Refusal(
            "Not in this state.",
            answers.Error("wrong_status", "the experiment is a draft: only a running one can be stopped"),
        ),
        413: Refusal("Over 4 KiB.", answers.Error("payload_too_large", "the body is too large")),
        415: Refusal("This content encoding is not accepted.", answers.Error("unsupported_media_type", "no")),
        422: Refusal(
            "The body or the Idempotency-Key can't be read, or the key was used with another body.",
            answers.Error("bad_parameter", "Idempotency-Key is no printable ASCII", "Idempotency-Key"),
        ),
        429: Refusal(
            "Too many calls of this key or address, or too many open streams.",
            answers.Error("rate_limited", "Too many calls of this key. Try again in 4 s."),
        ),
        500: Refusal("A defect of ours.", answers.Error("internal", "Internal error")),
        503: Refusal(
            "A store is away or behind the log; retry after `Retry-After` seconds.",
            answers.Error("unavailable", "A store is away or behind the log. Trying again helps."),
        ),
    },
    names={**S1.names, EXPERIMENT_ID.name: EXPERIMENT_ID},
    fields={("BoardPanel", "board"): LeaderboardResponse | None},
)

_PLAYER: Final = Parameter(
    name="player", kind=Text(0, ID_CHARACTERS_MAX), description="The player's id, as the game chose it."
)


def _panel(name: str, summary: str, answer: Any) -> Route:
    return data_route(name, name, summary, answer, *FILTERS)


PANELS: Final = (
    _panel("choices", "The builds, environments, platforms and countries to pick from", Choices),
    _panel("summary", "Totals, beside those of the period before", Summary),
    _panel("timeline", "Events and position points over time", Timeline),
    _panel("events", "The most frequent event names", answers.EventNames),
    _panel("sessions", "Sessions and players over time", Activity),
    _panel("fps", "Frame rates by build", answers.FrameRates),
    _panel("heatmap", "Where players were, room by room", Heatmap),
    _panel("builds", "Builds side by side", answers.Builds),
    _panel("economy", "What was minted, spent and held", answers.EconomyPanel),
    _panel("models", "The level models", answers.Models),
)
TELEMETRY: Final = (
    data_route("session", "session", "Who is signed in", answers.Session),
    data_route(
        "projections", "projections", "How far each projection is behind the log", answers.Projections
    ),
    data_route("live", "live", "Events of the last hour by minute of arrival", answers.Live, GAME),
    *PANELS,
)
LIVEOPS: Final = (
    data_route(
        "board",
        "board",
        "An event's leaderboard",
        answers.BoardPanel,
        GAME,
        Parameter(name="event", kind=Text(0, TEXT_MAX), description="Its key; the game's first by default."),
        Parameter(
            name="window", kind=Choice((*WINDOWS, "")), description="Which window.", default=WINDOWS[0]
        ),
        Parameter(
            name="part",
            kind=Text(0, SEGMENT_MAX),
            description="A group's number or a segment, where the event has several leaderboards.",
        ),
    ),
    Route(
        name="stream",
        method="GET",
        template="/dashboard/data/board/stream",
        operation_id="dashboard_board_stream",
        tag="Dashboard",
        summary="A leaderboard's live score updates",
        keys=KEYS,
        parameters=(
            GAME,
            Parameter(name="board", kind=Text(0, TEXT_MAX), description="`board_id` of the board's answer."),
        ),
        answers=(
            Answer(
                kind=None,
                description="Events `ready`, `score_update` (LeaderboardStreamEvent) and `closed`, each with "
                "an `id:`. The stream ends with its session.",
                content_type="text/event-stream",
                events=(LeaderboardStreamEvent,),
            ),
        ),
        errors=(404,),
    ),
    data_route(
        "player",
        "player",
        "A player's wallet, inventory and newest movements",
        answers.PlayerPanel,
        GAME,
        _PLAYER,
    ),
    data_route(
        "ledger",
        "ledger",
        "A player's older movements",
        LedgerResponse,
        GAME,
        _PLAYER,
        Parameter(
            name="cursor", kind=Integer(1, 2**53), description="`nextCursor` of the page before.", example=42
        ),
    ),
)
FEEDBACK: Final = (
    data_route(
        "feedback", "feedback", "What players answered in a game's forms", answers.FeedbackPanel, GAME
    ),
)
DICTIONARY: Final = (data_route("dictionary", "dictionary", "What analysts' views hold", answers.Dictionary),)
ROUTES: Final = (
    *TELEMETRY,
    FUNNEL,
    *DAYS,
    *DRILL,
    *LIVEOPS,
    *FEEDBACK,
    *DICTIONARY,
    *PLAYTESTS,
    *FLEET,
    *MANAGEMENT.values(),
)
