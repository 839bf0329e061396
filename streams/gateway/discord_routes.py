"""S1's one write with a management key as a route."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from schemas.edge.openapi import Document, Refusal
from schemas.edge.ports import KeyKind
from schemas.edge.routes import Answer, Body, Route
from schemas.edge.zod import Error, required
from schemas.telemetry.s1_discord import BODY_BYTES_MAX, DiscordBody

EXAMPLE: Final[dict[str, Any]] = {
    "channel_id": "1234567890",
    "game": "doom",
    "thread_id": "thr_42",
    "title": "Feedback on 0.4.9",
    "build": "0.4.9",
    "messages": [
        {
            "id": "1101",
            "author": "RedFox42",
            "text": "Stuck at the door in act 2.",
            "timestamp": "2026-05-14T02:47:30.693Z",
        },
        {"id": "1102", "author": "Anna", "text": "Love the new hub", "timestamp": 1778726910693},
    ],
}
_DESCRIPTION: Final = """Takes messages of a Discord channel, or of one of its threads, as a playtest session.

The key is `?key=` in the URL alone; an `Authorization` header is not looked at. questlog writes it nowhere:
keep it out of the access log of a proxy before it as well. It counts against the management key's limit.

Within 30 minutes of a thread's last call a call appends to its session (200), after that it begins another
(201); of two calls at once, one begins it. A message whose `id` the session has is left out and not counted,
so that after a 503 or a lost answer a bot sends the same again. A call is kept whole or not at all.

A session takes 10,000 messages: the call after them begins another. Of one studio 200,000 messages in half an
hour are taken; beyond, 429.

The session shows up in the reads within seconds, as any: `source` is `discord`, `transcript` has a line
`author: text` for each message by time, the tester is the thread (`discord_…`), with the author as its handle
where there is one only. It begins with its first message and ends as other sessions do, 30 minutes behind the
game's latest event; late messages change its insights."""


class Ingested(msgspec.Struct, rename="camel"):
    """What a call did."""

    sessions_created: Annotated[int, Meta(ge=0, le=1, description="1 where it began a session, with 201.")]
    messages_ingested: Annotated[int, Meta(ge=0, description="Messages that were new to the session.")]


DOCUMENT: Final = Document(
    title="Discord ingest (S1)",
    description="The one write that a management key may make.",
    credentials={
        KeyKind.MANAGEMENT: {
            "managementKey": {"type": "apiKey", "in": "query", "name": "key", "description": "pl_mgmt_…"}
        }
    },
    error=Error,
    refusals={
        400: Refusal(
            "Invalid payload, with `issues`; or `unknown game`: none of this account's",
            Error(error="Invalid payload", issues=[required(["channel_id"])]),
        ),
        401: Refusal("No key in the URL, or none we know", {"error": "Missing bearer token"}),
        403: Refusal(
            "An ingest key",
            {"error": "This endpoint needs a management key", "requiredScope": "management"},
        ),
        408: Refusal("The body did not arrive in time", {"error": "Request timeout"}),
        413: Refusal("Over 100 KiB", {"error": "Payload too large"}),
        415: Refusal("This content encoding is not accepted", {"error": "Unsupported media type"}),
        429: Refusal(
            "A bucket is empty. Waiting `retryAfterMs` always suffices",
            {"error": "Rate limit exceeded", "retryAfterMs": 4823, "scope": "key"},
        ),
        500: Refusal("A defect of ours", {"error": "Internal error"}),
        503: Refusal(
            "The log is away; whether it happened is not known: send the same again",
            {"error": "Service unavailable"},
        ),
    },
)
DISCORD: Final = Route(
    name="discord",
    method="POST",
    template="/api/webhooks/discord",
    operation_id="ingest_discord",
    summary="Begin a Discord thread's session, or append to it",
    description=_DESCRIPTION,
    tag="ingest",
    keys=frozenset({KeyKind.MANAGEMENT}),
    body=Body(kinds=(DiscordBody,), bytes_max=BODY_BYTES_MAX, examples={"thread": EXAMPLE}),
    answers=(
        Answer(
            status=201,
            kind=Ingested,
            description="A session began",
            example={"sessionsCreated": 1, "messagesIngested": 2},
        ),
        Answer(
            status=200,
            kind=Ingested,
            description="Appended to the open session",
            example={"sessionsCreated": 0, "messagesIngested": 2},
        ),
    ),
    errors=(403,),
)
ROUTES: Final = (DISCORD,)
