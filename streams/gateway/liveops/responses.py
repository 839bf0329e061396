"""From a command's outcome to S3's JSON. Pure but for the rank, which is read when answering."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from schemas.edge.cors import RawHeaders
from schemas.edge.errors import Refused, error_body, retry_after
from schemas.edge.routes import Route
from schemas.envelope import Outcome
from schemas.liveops import answers, responses
from schemas.liveops import commands as ask
from schemas.liveops import json as shapes
from schemas.liveops.errors import S3
from schemas.liveops.ports import HoldingRow
from schemas.liveops.resources import Player, Shape, Standing
from schemas.timestamps import iso_ms
from streams.gateway.http import Response
from streams.gateway.refusals import refusal_in

Shown = Callable[[Any, int], Shape]


def _start(answer: answers.StartAnswer, now_ms: int) -> Shape:
    del now_ms
    return responses.StartAttemptResponse(
        attempt=shapes.attempt(answer.attempt), leaderboard_id=answer.attempt.board_id
    )


def progress(answer: answers.ProgressAnswer, rank: int | None, now_ms: int) -> responses.ProgressResponse:
    """ProgressResponse."""
    entry = answer.entry
    return responses.ProgressResponse(
        attempt=shapes.attempt(answer.attempt),
        leaderboard=Standing(
            leaderboard_id=entry.board_id,
            rank=rank,
            score=entry.score,
            is_personal_best=entry.is_personal_best,
        ),
        grants=[shapes.grant(grant, now_ms) for grant in answer.grants],
    )


def _claim(answer: answers.ClaimAnswer | answers.GrantAnswer, now_ms: int) -> Shape:
    return responses.ClaimGrantResponse(grant=shapes.grant(answer.grant, now_ms))


def _open(answer: answers.OpenAnswer, now_ms: int) -> Shape:
    return responses.OpenCrateResponse(
        crate=shapes.grant(answer.crate, now_ms), contents=shapes.grant(answer.contents, now_ms)
    )


def _entry(answer: answers.WalletAnswer, now_ms: int) -> Shape:
    del now_ms
    row = HoldingRow(key=answer.economy_key, quantity=answer.balance, updated_at_ms=answer.updated_at_ms)
    return responses.DebitWalletResponse(entry=shapes.wallet_entry(row))


def _item(answer: answers.ItemAnswer, now_ms: int) -> Shape:
    del now_ms
    row = HoldingRow(key=answer.item_key, quantity=answer.quantity, updated_at_ms=answer.updated_at_ms)
    return responses.ConsumeItemResponse(item=shapes.item(row))


def player(answer: answers.PlayerAnswer, secret: str) -> responses.RegisterPlayerResponse:
    """RegisterPlayerResponse."""
    return responses.RegisterPlayerResponse(
        player=Player(external_id=answer.external_id, created_at=iso_ms(answer.created_at_ms)), secret=secret
    )


_SHOWN: Final[dict[type[msgspec.Struct] | None, tuple[type[Any], Shown]]] = {
    ask.StartAttempt: (answers.StartAnswer, _start),
    ask.ClaimGrant: (answers.ClaimAnswer, _claim),
    ask.OpenCrate: (answers.OpenAnswer, _open),
    ask.DebitWallet: (answers.WalletAnswer, _entry),
    ask.CreditWallet: (answers.WalletAnswer, _entry),
    ask.ConsumeItem: (answers.ItemAnswer, _item),
    ask.GrantItem: (answers.ItemAnswer, _item),
    ask.GiveGrant: (answers.GrantAnswer, _claim),
}


def shown(route: Route, outcome: Outcome, now_ms: int) -> Shape:
    """The body of a success."""
    kind, show = _SHOWN[route.command]
    return show(msgspec.msgpack.decode(outcome.body, type=kind), now_ms)


def raise_refusal(outcome: Outcome) -> None:
    """Raise `Refused` where the outcome is none of success."""
    refusal = refusal_in(outcome)
    if refusal is None:
        return
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
    body = error_body(S3, refused.status, refused.message, code=refused.code, **refused.details)
    return Response(refused.status, shapes.encode(body), (*refused.headers, *headers))
