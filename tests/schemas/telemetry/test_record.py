from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.telemetry.record import (
    RECORD_VERSION,
    EntryKind,
    TelemetryEntry,
    TelemetryRecord,
    decode_record,
    encode_record,
)
from tests.schemas.telemetry.s4_samples import patient

words = st.text(max_size=8)
entries = st.builds(
    TelemetryEntry,
    kind=st.sampled_from(EntryKind),
    request_id=words,
    studio_id=words,
    game_id=words,
    received_at_ms=st.integers(0, 2**62),
    item_count=st.integers(0, 10_000),
    country=st.none() | words,
    region=st.none() | words,
    city=st.none() | words,
    body=st.binary(max_size=300),
)


def entry_of(body: bytes) -> TelemetryEntry:
    return TelemetryEntry(
        kind=EntryKind.S1_BATCH,
        request_id="r",
        studio_id="s",
        game_id="g",
        received_at_ms=1,
        item_count=1,
        country=None,
        region=None,
        city=None,
        body=body,
    )


@patient
@given(st.lists(entries, max_size=4))
def test_a_record_comes_back_as_it_went(sent: list[TelemetryEntry]) -> None:
    assert decode_record(encode_record(sent)).entries == sent


@patient
@given(st.lists(entries, max_size=3))
def test_it_means_what_the_encoder_would_have_written(sent: list[TelemetryEntry]) -> None:
    whole = msgspec.msgpack.encode(TelemetryRecord(version=RECORD_VERSION, entries=sent))
    assert encode_record(sent) == whole


@pytest.mark.parametrize(
    ("count", "size"), [(0, 0), (15, 255), (16, 256), (2, 65_535), (2, 65_536), (65_535, 0), (65_536, 0)]
)
def test_headers_of_every_length(count: int, size: int) -> None:
    first = entry_of(b"x" * size)
    sent = ([first] + [entry_of(b"")] * (count - 1))[:count]
    whole = msgspec.msgpack.encode(TelemetryRecord(version=RECORD_VERSION, entries=sent))
    assert encode_record(sent) == whole


def test_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="version 2"):
        decode_record(msgspec.msgpack.encode([2, []]))
