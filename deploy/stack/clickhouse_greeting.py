"""What clickhouse-go asks when it connects over HTTP, answered so that it reads what the engine writes.

With `client_protocol_version` a server puts a description before each block of the format Native, which chDB
can't be told to do. The client takes the server's revision from this one answer, and one of revision 0
writes plain blocks: so the answer says 0, in the form of the client's own version.
Source: clickhouse-go 2.51, conn_http.go (queryHello) and lib/proto/block.go (Decode).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deploy.stack.clickhouse_execution import Statement

GREETING: Final = b"SELECT displayName(), version(), revision(), timezone()"
_CUSTOM_SERIALIZATION: Final = 54_454
"""From this version on each column says whether its serialization is the usual one."""
_BLOCK_INFO: Final = b"\x01\x00\x02\xff\xff\xff\xff\x00"


def is_greeting(statement: Statement, params: Mapping[str, str]) -> bool:
    """Whether it is the client's first question, asked in its own protocol."""
    return (
        statement.format == "Native"
        and params.get("client_protocol_version", "0").isdecimal()
        and int(params.get("client_protocol_version", "0")) > 0
        and b"".join([statement.text, *statement.data]).strip() == GREETING
    )


def greeting(name: str, version: str, timezone: str, protocol_version: int) -> bytes:
    """The answer, one row, as a block of the client's protocol."""
    custom = b"\x00" if protocol_version >= _CUSTOM_SERIALIZATION else b""
    columns = (
        ("displayName()", "String", _text(name)),
        ("version()", "String", _text(version)),
        ("revision()", "UInt32", struct.pack("<I", 0)),
        ("timezone()", "String", _text(timezone)),
    )
    block = [_BLOCK_INFO, bytes((len(columns), 1))]
    for title, kind, value in columns:
        block += [_text(title), _text(kind), custom, value]
    return b"".join(block)


def _text(value: str) -> bytes:
    encoded = value.encode()[:127]  # a length of one byte
    return bytes((len(encoded),)) + encoded
