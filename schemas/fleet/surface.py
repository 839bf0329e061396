"""What all routes of S5 share in its documents. Source: the S5 reference and contract/fleet.md."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec.structs import replace

from schemas.edge.openapi import Document, Refusal
from schemas.edge.parameters import Integer, Parameter, Text
from schemas.edge.ports import KeyKind
from schemas.edge.routes import Header
from schemas.fleet.examples import BUILD, SERVER
from schemas.fleet.limits import BODY_BYTES_MAX
from schemas.fleet.responses import ErrorResponse
from schemas.fleet.states import TRANSITIONS
from schemas.fleet.validation import Detail

_ROWS: Final = "\n".join(
    f"| {row.phase or 'none'} | {row.cause} | {row.guard} | {row.to} | {', '.join(row.events)} |"
    for row in TRANSITIONS
)
_DESCRIPTION: Final = f"""Game servers: start and stop them, manage builds, read what they print and use.

The key goes into the header `api-key`: a project's server key (`pf_`) may do everything; a client key
(`pfclient_`), which players may have, lists and reads running servers and sees no arguments, reasons, exit
codes, machines. Each key may make 100 reads and 10 writes a second.

A request is checked for its key (401), its rate (429), the kind of its key (403), its path (404), its method
(405), the body's size (413), its fields (422, every problem at once in `detail`), whether the thing exists in
the key's project (404), whether its state allows it (409), and for room (503 `no_capacity`), in this order.

`Idempotency-Key` holds on every write for 24 hours: a retry gets the same answer; the same key with another
body is 422 `idempotency_mismatch`. `quota_exceeded` and `no_capacity` are not remembered.

## The life of a server

| phase | on | if | to | events |
|---|---|---|---|---|
{_ROWS}

Phases queued, starting and backoff are shown as `launching`, running as `running`, stopping and stopped as
`stopped`. What is in no row changes nothing, or is 409.

A process gets its build at `/game`, the file `/run/questlog/server.json` with its server as here, ports in
`QUESTLOG_PORT_<NAME>` (in capitals, `-` as `_`; ports that would share a variable are refused, 422), and on
its own localhost, at `AGONES_SDK_HTTP_PORT`, Agones' REST SDK. Lines that it prints can be read within
seconds and are kept for 7 days, samples for 30 days. `tls_enabled` of a tcp port lets players
speak TLS there while the server speaks plain TCP: a relay beside it ends TLS with the deployment's
certificate. It is 422 where no host of the region has one. With `proxy_protocol` the relay begins each
connection with the PROXY protocol's header, version 2: the player's address and port."""

_SCHEMES: Final = {"apiKey": {"type": "apiKey", "in": "header", "name": "api-key"}}


def _refusal(status: int, code: str, description: str, message: str, **more: Any) -> Refusal:
    return Refusal(description, {"error": message, "detail": message, "status": status, "code": code, **more})


def _id(name: str, example: str, description: str) -> Parameter:
    kind = Text(1, 128)
    return Parameter(name=name, place="path", kind=kind, example=example, description=description)


DOCUMENT: Final = Document(
    title="Server hosting (S5)",
    description=_DESCRIPTION,
    version="3.0.0",
    credentials=dict.fromkeys((KeyKind.HOSTING_SERVER, KeyKind.HOSTING_CLIENT), _SCHEMES),
    error=ErrorResponse,
    refusals={
        400: _refusal(
            400, "invalid_payload", "The path or the query is not UTF-8.", "the path is not valid UTF-8"
        ),
        401: _refusal(
            401,
            "unauthorized",
            "Missing or unknown key.",
            "the api-key header is missing, or its key is not valid here",
        ),
        403: _refusal(
            403,
            "quota_exceeded",
            "The plan's limit is reached, or (`server_key_required`) the key is a client's.",
            "the plan allows 1 active server",
            limit="active_servers",
        ),
        404: _refusal(404, "not_found", "Unknown, or another project's: alike.", "not found"),
        408: _refusal(
            408, "request_timeout", "The body did not arrive in time.", "the body did not arrive in time"
        ),
        409: _refusal(409, "stopped", "The state forbids it; `code` says why.", "The server is stopped."),
        413: _refusal(
            413,
            "payload_too_large",
            "The body is over its limit.",
            f"the body may be at most {BODY_BYTES_MAX} bytes",
        ),
        415: _refusal(
            415,
            "unsupported_media_type",
            "This content encoding is not accepted.",
            "the content encoding must be gzip or none",
        ),
        422: Refusal(
            "Fields or query are not valid, `detail` names each; or `idempotency_mismatch`.",
            {
                "error": "Validation error",
                "detail": msgspec.to_builtins([Detail(loc=["region"], msg="Required", type="invalid_type")]),
                "status": 422,
                "code": "validation_error",
            },
        ),
        429: _refusal(
            429,
            "rate_limited",
            "Over the key's rate.",
            "Rate limit exceeded",
            detail="Rate limit exceeded. Please retry after a short wait.",
        ),
        500: _refusal(500, "internal", "A defect of ours.", "internal error"),
        503: _refusal(
            503,
            "no_capacity",
            "No host has room; or (`unavailable`) a store or the log is away, and whether a write happened "
            "is not known. Retry with the same key.",
            "no host of us-east has room for a small server now",
        ),
    },
    names={
        parameter.name: parameter
        for parameter in (
            _id("instance_id", SERVER["instance_id"], "A server's id, a UUID."),
            _id("build_id", BUILD["build_id"], "A build's id."),
        )
    },
    headers={
        "X-RateLimit-Limit": Header("Calls a second of this key, of this kind.", Integer(1)),
        "X-RateLimit-Remaining": Header("Calls that are left.", Integer(0)),
    },
    fields={
        ("ServerResource", "custom_data"): dict[str, Any] | None,
        ("SettingsResource", "auth_config"): dict[str, Any] | None,
        ("SettingsResource", "lobby_configs"): dict[str, Any] | list[Any] | None,
    },
)
V2_DOCUMENT: Final = replace(
    DOCUMENT,
    title="Server hosting, for older SDKs (S5 v2)",
    version="2.0.0",
    description="v3 under another root: paths may end in a slash, and an upload is processed once it is "
    "there, without a call. New clients use v3.",
)
