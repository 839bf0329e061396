"""AWS Signature Version 4 for S3-like stores. Pure; checked against the examples of AWS's documentation."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

EMPTY_SHA256: Final = hashlib.sha256(b"").hexdigest()
UNSIGNED: Final = "UNSIGNED-PAYLOAD"
_ALGORITHM: Final = "AWS4-HMAC-SHA256"


class Credentials(msgspec.Struct, frozen=True):
    """Whom requests are signed for, and the region they go to."""

    key: str
    secret: str
    region: str


def authorize(
    credentials: Credentials,
    method: str,
    path: str,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    *,
    payload_sha256: str,
    time: str,
) -> dict[str, str]:
    """The headers to send: `headers` (which hold `host`) with date, payload hash and signature.

    `path` is not encoded; `time` is `YYYYMMDDTHHMMSSZ`.
    """
    sent = {name.lower(): value for name, value in headers.items()}
    sent |= {"x-amz-date": time, "x-amz-content-sha256": payload_sha256}
    names = ";".join(sorted(sent))
    signature = _sign(credentials, method, path, query, sent, payload_sha256, time)
    scope = f"{credentials.key}/{_scope(credentials, time)}"
    sent["authorization"] = f"{_ALGORITHM} Credential={scope},SignedHeaders={names},Signature={signature}"
    return sent


def presign(credentials: Credentials, host: str, path: str, *, seconds: int, time: str) -> dict[str, str]:
    """The query parameters that permit their holder to GET this one object for `seconds` (at most 7 days)."""
    query = {
        "X-Amz-Algorithm": _ALGORITHM,
        "X-Amz-Credential": f"{credentials.key}/{_scope(credentials, time)}",
        "X-Amz-Date": time,
        "X-Amz-Expires": str(seconds),
        "X-Amz-SignedHeaders": "host",
    }
    signature = _sign(credentials, "GET", path, query, {"host": host}, UNSIGNED, time)
    return query | {"X-Amz-Signature": signature}


def encode_path(path: str) -> str:
    """A path as S3 wants it in URL and signature alike."""
    return quote(path, safe="/~")


def encode_query(query: Mapping[str, str]) -> str:
    """A query string in canonical order."""
    return "&".join(
        f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in sorted(query.items())
    )


def _sign(  # noqa: PLR0917 - the seven things a signature is made of
    credentials: Credentials,
    method: str,
    path: str,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    payload: str,
    time: str,
) -> str:
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(headers))
    names = ";".join(sorted(headers))
    request = f"{method}\n{encode_path(path)}\n{encode_query(query)}\n{lines}\n{names}\n{payload}"
    hashed = hashlib.sha256(request.encode()).hexdigest()
    text = f"{_ALGORITHM}\n{time}\n{_scope(credentials, time)}\n{hashed}"
    key = f"AWS4{credentials.secret}".encode()
    for step in (time[:8], credentials.region, "s3", "aws4_request"):
        key = hmac.digest(key, step.encode(), "sha256")
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _scope(credentials: Credentials, time: str) -> str:
    return f"{time[:8]}/{credentials.region}/s3/aws4_request"
