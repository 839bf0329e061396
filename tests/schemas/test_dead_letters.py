from __future__ import annotations

import msgspec
import pytest

from schemas.dead_letters import (
    BODY_BYTES_MAX,
    DeadLetter,
    decode_dead_letter,
    encode_dead_letter,
    replayed_id,
)
from schemas.topics import RECORD_BYTES_MAX

LETTER = DeadLetter(
    version=1,
    topic="telemetry",
    partition=0,
    offset=7,
    index=2,
    reader="clickhouse",
    reason="undecodable-part",
    error="DecodeError",
    appended_at_ms=1,
    key=None,
    body=b"body",
)


def test_the_same_failure_has_the_same_id() -> None:
    assert LETTER.id == "telemetry-0-7-2"
    assert msgspec.structs.replace(LETTER, index=None).id == "telemetry-0-7"


def test_a_body_that_would_not_fit_stays_in_its_source_record() -> None:
    large = msgspec.structs.replace(LETTER, body=bytes(BODY_BYTES_MAX + 1))
    assert decode_dead_letter(encode_dead_letter(large)).body is None
    largest = msgspec.structs.replace(LETTER, body=bytes(BODY_BYTES_MAX))
    assert len(encode_dead_letter(largest)) < RECORD_BYTES_MAX


def test_an_unknown_version_is_refused() -> None:
    with pytest.raises(ValueError, match="version 2"):
        decode_dead_letter(msgspec.msgpack.encode(msgspec.structs.replace(LETTER, version=2)))


def test_a_replay_is_another_command() -> None:
    assert replayed_id("c1", 1) == "c1#r1"
    assert replayed_id("c1#r1", 2) == "c1#r2"
