"""An HTTP request as ClickHouse's protocol means it: statement, settings, parameters, credentials."""

from __future__ import annotations

import base64
import binascii
from typing import Final

from python_multipart.multipart import parse_options_header

from deploy.stack.clickhouse_blocks import read_blocks
from deploy.stack.clickhouse_codec import UnknownEncodingError, decompress
from deploy.stack.clickhouse_execution import EngineError, ExternalTable, Statement
from deploy.stack.clickhouse_multipart import read_form

BODY_BYTES_MAX: Final = 2 * 1024**3
"""Of a request of the owner's, before and after it is unpacked."""
READER_BODY_BYTES_MAX: Final = 16 * 1024**2
"""The same of a reader's, who sends statements and parameters alone."""
_NOT_SETTINGS: Final = frozenset(
    {
        *("query", "database", "user", "password", "quota_key", "role", "session_id", "session_timeout"),
        *("session_check", "query_id", "compress", "decompress", "default_format", "client_protocol_version"),
        *("wait_end_of_query", "buffer_size", "stacktrace", "enable_http_compression"),
        *("send_progress_in_http_headers", "http_headers_progress_interval_ms"),
        *("cancel_http_readonly_queries_on_client_close", "network_compression_method"),
        "network_zstd_compression_level",
    }
)


def statement_of(
    method: str, headers: dict[str, str], params: dict[str, str], body: list[bytes], bytes_max: int
) -> Statement:
    """Read a request into a statement; its body holds at most so many bytes. Raises EngineError."""
    body = _plain(headers.get("content-encoding", "").strip().lower(), body, bytes_max)
    if params.get("decompress") == "1":
        body = _unpacked(body, bytes_max)
    kind, options = parse_options_header(headers.get("content-type", ""))
    tables: list[ExternalTable] = []
    if kind == b"multipart/form-data":
        fields, files = read_form(options.get(b"boundary", b""), b"".join(body))
        params |= fields
        body = []
        tables = [_external_table(name, params, data) for name, data in files.items()]
    settings = {
        name: value
        for name, value in params.items()
        if name not in _NOT_SETTINGS and not name.startswith("param_")
    }
    if method == "GET":
        settings.setdefault("readonly", "2")  # as ClickHouse: a GET changes nothing
    text = params.get("query", "").encode("utf-8", "surrogateescape")
    if not text and body:
        text, body = body[0], body[1:]
        if len(text) < 1 << 16:  # the statement's own text must be in one piece
            text, body = b"".join([text, *body]), []
    elif body:
        text += b"\n"
    try:
        session_seconds = min(3600.0, float(params.get("session_timeout", "60")))
    except ValueError:
        raise EngineError(36, "Code: 36. DB::Exception: Invalid session timeout. (BAD_ARGUMENTS)") from None
    return Statement(
        text=text,
        data=body,
        format=params.get("default_format") or headers.get("x-clickhouse-format") or "TabSeparated",
        database=params.get("database") or headers.get("x-clickhouse-database", ""),
        settings=settings,
        parameters={name[6:]: value for name, value in params.items() if name.startswith("param_")},
        tables=tables,
        session=params.get("session_id", ""),
        session_seconds=session_seconds,
    )


def _external_table(name: str, params: dict[str, str], data: bytes) -> ExternalTable:
    """A file of a form as ClickHouse means it; takes its description out of the parameters."""
    form = params.pop(f"{name}_format", "TabSeparated")
    types = params.pop(f"{name}_types", "")
    structure = params.pop(f"{name}_structure", "") or ", ".join(
        f"_{number} {type_}" for number, type_ in enumerate(types.split(","), 1) if types
    )
    if not structure:
        raise EngineError(
            36,
            f"Code: 36. DB::Exception: Neither structure nor types have been provided for external table"
            f" {name}. Use fields {name}_structure or {name}_types to do so. (BAD_ARGUMENTS)",
        )
    return ExternalTable(name=name, structure=structure, format=form, data=data)


def _plain(encoding: str, body: list[bytes], bytes_max: int) -> list[bytes]:
    if encoding in {"", "identity"}:
        return body
    try:
        return [decompress(encoding, b"".join(body), bytes_max)]
    except UnknownEncodingError:
        message = f"Code: 48. DB::Exception: Unknown compression method {encoding}. (NOT_IMPLEMENTED)"
        raise EngineError(48, message) from None
    except ValueError as error:
        raise EngineError(354, f"Code: 354. DB::Exception: {error}. (ZLIB_INFLATE_FAILED)") from None


def _unpacked(body: list[bytes], bytes_max: int) -> list[bytes]:
    try:
        return [read_blocks(b"".join(body), bytes_max)]
    except ValueError as error:
        message = f"Code: 271. DB::Exception: decompress=1: {error}. (CANNOT_DECOMPRESS)"
        raise EngineError(271, message) from None


def credentials(headers: dict[str, str], params: dict[str, str]) -> tuple[str, str]:
    """User and password, from wherever ClickHouse's clients put them; `default` and none where nowhere."""
    authorization = headers.get("authorization", "")
    if authorization.lower().startswith("basic "):
        try:
            user, _, password = base64.b64decode(authorization[6:]).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise EngineError(
                516, "Code: 516. DB::Exception: Invalid credentials. (AUTHENTICATION_FAILED)"
            ) from None
        return user or "default", password
    user = headers.get("x-clickhouse-user") or params.get("user") or "default"
    return user, headers.get("x-clickhouse-key") or params.get("password", "")
