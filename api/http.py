"""An answer on plain ASGI, a request's id, and the refusal that an error comes to: for reads of every noun.

There is no framework between the socket and these reads: a leaderboard's top 10 has a budget of 250
microseconds.
"""

from __future__ import annotations

import itertools
import logging
import os
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

import msgspec

from schemas.edge.cors import RawHeaders
from schemas.edge.errors import Refused
from schemas.edge.limits import RETRY_AFTER_UNAVAILABLE_S
from schemas.edge.ports import StoreUnavailable
from schemas.objects import ObjectStoreError

if TYPE_CHECKING:
    from starlette.types import Send

_QUERY_FIELDS_MAX: Final = 50
_GIVEN_ID: Final = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
_process: Final = os.urandom(5).hex().encode()
_count: Final = itertools.count(1)


class Answer(msgspec.Struct, frozen=True, gc=False):
    """Status, JSON body as bytes, and headers beyond content type and length."""

    status: int
    body: bytes
    headers: RawHeaders = ()


def query_pairs(text: bytes) -> list[tuple[str, str]]:
    """A query's names and values in their order, empty values too.

    Raises ValueError for what is not percent-encoded UTF-8, or has more than 50 fields.
    """
    return parse_qsl(
        text.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_QUERY_FIELDS_MAX
    )


def request_id(given: bytes | None) -> bytes:
    """The id that a request came with where it may be one, else a new one."""
    if given is not None and _GIVEN_ID.fullmatch(given):
        return given
    return b"r%s-%x" % (_process, next(_count))


def refused_by(error: Exception, what: str, name: str, log: logging.Logger) -> Refused:
    """What a request is refused with that met an error: itself, 503 where a store is away, else 500.

    `what` was asked for under the id `name`: a store that is away is logged, and a defect with its trace.
    """
    if isinstance(error, Refused):
        return error
    if isinstance(error, StoreUnavailable | ObjectStoreError):
        log.warning("%s: 503: %s", what, error, extra={"request_id": name})
        wait = ((b"retry-after", b"%d" % RETRY_AFTER_UNAVAILABLE_S),)
        return Refused(503, "a store is away or behind the log; try again", headers=wait)
    log.error("%s failed", what, extra={"request_id": name}, exc_info=error)
    return Refused(500, "internal error")


async def send_answer(send: Send, answer: Answer, headers: RawHeaders) -> None:
    """One whole response; the server leaves out the body of HEAD."""
    all_headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(answer.body)),
        *headers,
        *answer.headers,
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": all_headers})
    await send({"type": "http.response.body", "body": answer.body})
