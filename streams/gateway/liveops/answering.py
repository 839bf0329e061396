"""From a command's outcome to S3's JSON. Pure but for the rank, which is read when answering."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from schemas.edge.cors import RawHeaders
from schemas.edge.errors import Surface, error_body, retry_after
from schemas.envelope import Outcome
from schemas.liveops import answers
from schemas.liveops import json as shapes
from schemas.liveops.ports import HoldingRow
from schemas.timestamps import iso_ms
from streams.gateway.http import Refused, Response
from streams.gateway.liveops.routing import Route
from streams.gateway.liveops.starting import refusal_of

Shown = Callable[[Any, int], dict[str, Any]]


def _start(answer: answers.StartAnswer, now_ms: int) -> dict[str, Any]:
    del now_ms
    return {"attempt": shapes.attempt(answer.attempt), "leaderboardId": answer.attempt.board_id}


def progress(answer: answers.ProgressAnswer, rank: int | None, now_ms: int) -> dict[str, Any]:
    """ProgressResponse."""
    entry = answer.entry
    return {
        "attempt": shapes.attempt(answer.attempt),
        "leaderboard": {
            "leaderboardId": entry.board_id,
            "rank": rank,
            "score": entry.score,
            "isPersonalBest": entry.is_personal_best,
        },
        "grants": [shapes.grant(grant, now_ms) for grant in answer.grants],
    }


def _claim(answer: answers.ClaimAnswer, now_ms: int) -> dict[str, Any]:
    return {"grant": shapes.grant(answer.grant, now_ms)}


def _open(answer: answers.OpenAnswer, now_ms: int) -> dict[str, Any]:
    return {
        "crate": shapes.grant(answer.crate, now_ms),
        "contents": shapes.grant(answer.contents, now_ms),
    }


def _entry(answer: answers.WalletAnswer, now_ms: int) -> dict[str, Any]:
    del now_ms
    row = HoldingRow(key=answer.economy_key, quantity=answer.balance, updated_at_ms=answer.updated_at_ms)
    return {"entry": shapes.wallet_entry(row)}


def _item(answer: answers.ItemAnswer, now_ms: int) -> dict[str, Any]:
    del now_ms
    row = HoldingRow(key=answer.item_key, quantity=answer.quantity, updated_at_ms=answer.updated_at_ms)
    return {"item": shapes.item(row)}


def player(answer: answers.PlayerAnswer, secret: str) -> dict[str, Any]:
    """RegisterPlayerResponse."""
    return {
        "player": {"externalId": answer.external_id, "createdAt": iso_ms(answer.created_at_ms)},
        "secret": secret,
    }


_SHOWN: Final[dict[Route, tuple[type[Any], Shown]]] = {
    Route.START: (answers.StartAnswer, _start),
    Route.CLAIM: (answers.ClaimAnswer, _claim),
    Route.OPEN: (answers.OpenAnswer, _open),
    Route.DEBIT: (answers.WalletAnswer, _entry),
    Route.CREDIT: (answers.WalletAnswer, _entry),
    Route.CONSUME: (answers.ItemAnswer, _item),
    Route.GRANT_ITEM: (answers.ItemAnswer, _item),
    Route.GIVE_GRANT: (answers.GrantAnswer, _claim),
}


def shown(route: Route, outcome: Outcome, now_ms: int) -> dict[str, Any]:
    """The body of a success."""
    kind, show = _SHOWN[route]
    return show(msgspec.msgpack.decode(outcome.body, type=kind), now_ms)


def raise_refusal(outcome: Outcome) -> None:
    """Raise `Refused` where the outcome is none of success."""
    if outcome.status < 400:
        return
    if outcome.status == 500:
        raise Refused(500, "the request can't be decided; it changed nothing")
    refusal = refusal_of(outcome)
    details: dict[str, Any] = dict(refusal.details)
    if refusal.field:
        details["field"] = refusal.field
    headers: RawHeaders = ()
    wait_ms = details.get("retryAfterMs")
    if isinstance(wait_ms, int | float):
        headers = ((b"retry-after", retry_after(int(wait_ms)).encode()),)
    raise Refused(refusal.status, refusal.message, code=refusal.code, headers=headers, **details)


def error_response(refused: Refused, headers: RawHeaders) -> Response:
    """An error in S3's shape."""
    body = error_body(Surface.S3, refused.status, refused.message, code=refused.code, **refused.extra)
    return Response(refused.status, shapes.encode(body), (*refused.headers, *headers))
