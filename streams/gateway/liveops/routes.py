"""S3's writes as routes. Source: the S3 reference, and the live-ops contract for `/server/v1`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from schemas.codec import Message
from schemas.edge.idempotency import KEY_ANSWERED, key_parameter
from schemas.edge.openapi import RETRY_AFTER
from schemas.edge.parameters import Boolean, Parameter
from schemas.edge.routes import Answer, Body, Proof, Route
from schemas.liveops import commands as ask
from schemas.liveops.examples import example_of
from schemas.liveops.responses import (
    ClaimGrantResponse,
    ConsumeItemResponse,
    DebitWalletResponse,
    ErrorResponse,
    OpenCrateResponse,
    ProgressResponse,
    RegisterPlayerResponse,
    StartAttemptResponse,
)
from schemas.liveops.surface import PLAYER_SECRET, SDK, SERVER
from streams.gateway.liveops import bodies

_PLAYER: Final = "/sdk/v1/players/{externalId}"
_SERVER: Final = "/server/v1/players/{externalId}"
_KEY: Final = key_parameter(
    "The same as `idempotencyKey` in the body. Where there is neither, one is made and answered."
)
_FORMING: Final = Answer(
    status=202,
    kind=ErrorResponse,
    description="The lobby is forming (`lobby_forming`): poll `details.lobbyId`, then start again.",
    headers={**RETRY_AFTER, **KEY_ANSWERED},
    example=example_of(ErrorResponse),
)
_FORCE: Final = Parameter(
    name="force", kind=Boolean(), description="Register anew, with another secret: test keys alone."
)


def _write(
    name: str,
    template: str,
    summary: str,
    command: type[Message],
    body: type[bodies.Body],
    *,
    answer: Any,
    example: Mapping[str, Any],
    tag: str = "Server",
    status: int = 200,
    proof: Proof = "none",
    errors: tuple[int, ...] = (),
    parameters: tuple[Parameter, ...] = (),
    others: tuple[Answer, ...] = (),
) -> Route:
    server = template.startswith(_SERVER)
    return Route(
        name=name,
        method="POST",
        template=template,
        tag=tag,
        summary=summary,
        keys=SERVER if server else SDK,
        proof=proof,
        parameters=(*parameters, *(() if proof == "none" else (PLAYER_SECRET,)), _KEY),
        body=Body(
            kinds=(body,),
            bytes_max=bodies.BODY_BYTES_MAX,
            required=any(field.required for field in msgspec.structs.fields(body)),
            examples={name: example},
        ),
        command=command,
        answers=(
            Answer(
                status=status,
                kind=answer,
                description=answer.__doc__,
                headers=KEY_ANSWERED,
                example=example_of(answer),
            ),
            *others,
        ),
        errors=(*errors, 403, 409) if server else (*errors, 409),
    )


REGISTER: Final = _write(
    "register",
    f"{_PLAYER}/register",
    "Mint the player's secret",
    ask.RegisterPlayer,
    bodies.NoBody,
    example={},
    answer=RegisterPlayerResponse,
    tag="Players",
    status=201,
    parameters=(_FORCE,),
)
ROTATE_SECRET: Final = _write(
    "rotate_secret",
    f"{_SERVER}/secret",
    "Rotate the player's secret",
    ask.RotatePlayerSecret,
    bodies.NoBody,
    example={},
    answer=RegisterPlayerResponse,
    errors=(404,),
)
ROUTES: Final = (
    _write(
        "start",
        f"{_PLAYER}/events/{{eventKey}}/start",
        "Start an attempt",
        ask.StartAttempt,
        bodies.StartBody,
        example={"playerContext": {"level": 7, "league": "gold"}},
        answer=StartAttemptResponse,
        tag="Events",
        status=201,
        proof="registered",
        errors=(403, 404),
        others=(_FORMING,),
    ),
    _write(
        "progress",
        f"{_PLAYER}/events/{{eventKey}}/attempts/{{attemptId}}/progress",
        "Report progress",
        ask.ReportProgress,
        bodies.ProgressBody,
        example={"mode": "increment", "metrics": {"frags": 4, "damage": 230.5}},
        answer=ProgressResponse,
        tag="Events",
        proof="registered",
        errors=(404,),
    ),
    _write(
        "claim",
        f"{_PLAYER}/grants/{{grantId}}/claim",
        "Claim a grant",
        ask.ClaimGrant,
        bodies.NoBody,
        example={},
        answer=ClaimGrantResponse,
        tag="Grants",
        proof="registered",
        errors=(404,),
    ),
    _write(
        "open",
        f"{_PLAYER}/crates/{{grantId}}/open",
        "Open a crate",
        ask.OpenCrate,
        bodies.NoBody,
        example={},
        answer=OpenCrateResponse,
        tag="Grants",
        proof="registered",
        errors=(404,),
    ),
    REGISTER,
    _write(
        "consume",
        f"{_PLAYER}/inventory/{{itemKey}}/consume",
        "Use up an item",
        ask.ConsumeItem,
        bodies.ItemBody,
        example={"quantity": 1, "reason": "used in act 2"},
        answer=ConsumeItemResponse,
        tag="Inventory",
        proof="always",
    ),
    _write(
        "debit",
        f"{_PLAYER}/wallet/{{economyKey}}/debit",
        "Take from a balance",
        ask.DebitWallet,
        bodies.DebitBody,
        example={"amount": 120, "reason": "shop: blue cape"},
        answer=DebitWalletResponse,
        tag="Wallet",
        proof="always",
    ),
    ROTATE_SECRET,
    _write(
        "credit",
        f"{_SERVER}/wallet/{{economyKey}}/credit",
        "Add to a balance",
        ask.CreditWallet,
        bodies.DebitBody,
        example={"amount": 500, "reason": "founder pack"},
        answer=DebitWalletResponse,
    ),
    _write(
        "grant_item",
        f"{_SERVER}/inventory/{{itemKey}}/grant",
        "Add to a holding",
        ask.GrantItem,
        bodies.ItemBody,
        example={"quantity": 2, "reason": "founder pack"},
        answer=ConsumeItemResponse,
    ),
    _write(
        "give_grant",
        f"{_SERVER}/grants",
        "Give a grant",
        ask.GiveGrant,
        bodies.GrantBody,
        example={"entries": [{"type": "currency", "key": "gold", "quantity": 50}]},
        answer=ClaimGrantResponse,
        status=201,
    ),
)
