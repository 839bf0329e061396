"""What is dear to decode is told from its bytes: no body within its limits takes long."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import msgpack
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.telemetry import s1, s4
from schemas.telemetry.decoding_cost import LARGE_BYTES, has_costly_numbers, msgpack_problem
from schemas.telemetry.s1_batch import InvalidBatch
from schemas.telemetry.values import CONTAINERS_MAX
from tests.cpu_cost import cpu_ratio
from tests.schemas.telemetry import s4_samples as sample
from tests.schemas.telemetry.s4_samples import GAMEPLAY, changed, pack, patient
from tests.schemas.telemetry.test_s1 import BATCH, NOW

DEAR = ("8.98846567431158e307", "1e308", "1E+308", "1e-320", "4.9e-324", "-1.7976931348623157e0308")


def batch_of(numbers: str) -> bytes:
    events = [{"name": "a", "t": NOW, "props": {"values": "NUMBERS"}}]
    return json.dumps(BATCH | {"events": events}).replace('"NUMBERS"', numbers).encode()


@pytest.mark.parametrize("number", DEAR)
def test_numbers_at_the_ends_of_a_double_are_read_quickly(number: str) -> None:
    count = 900_000 // (len(number) + 1)
    body = batch_of(f"[{','.join([number] * count)}]")
    assert has_costly_numbers(body, from_bytes=0)
    (event,) = s1.validate_batch(body, NOW).events
    assert (event.props or {})["values"] == [float(number)] * count
    plain = batch_of(f"[{','.join([('1.' + '5' * len(number))[: len(number)]] * count)}]")
    # Where each is decoded by itself it is 100 to 400.
    assert cpu_ratio(lambda: s1.validate_batch(body, NOW), lambda: s1.validate_batch(plain, NOW)) < 10


@pytest.mark.parametrize(
    "number",
    ["0." + "0" * 310 + "1", "9007199254740992.9999999999999999999", "1" * 400 + ".5", "1." + "1" * 800],
)
def test_long_numbers_cost_what_their_length_costs(number: str) -> None:
    body = batch_of(f"[{','.join([number] * (900_000 // (len(number) + 1)))}]")
    assert cpu_ratio(lambda: outcome(body), lambda: json.loads(body)) < 60


def outcome(body: bytes) -> object:
    try:
        return s1.validate_batch(body, NOW)
    except InvalidBatch as error:
        return error.issues


@patient
@given(
    numbers=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20),
    unusual=st.booleans(),
)
def test_both_parsers_give_the_same(numbers: list[float], *, unusual: bool) -> None:
    more = {"unknown": 1} if unusual else {}
    events = [
        {"name": "a", "t": NOW, "seq": 17.0 if unusual else 17, "x": numbers[0], "props": {"v": numbers}}
    ]
    filler = {"props": {"dear": [1e300] * 4000}, "name": "b", "t": NOW, **more}
    dear = json.dumps(BATCH | {"events": [*events, filler]}).encode()
    assert has_costly_numbers(dear, from_bytes=16 * 1024)
    plain = json.dumps(BATCH | {"events": events}).encode()
    assert s1.validate_batch(dear, NOW).events[0] == s1.validate_batch(plain, NOW).events[0]


def test_usual_batches_take_the_usual_way() -> None:
    event = {
        "name": "level_completed",
        "t": NOW,
        "x": 1.5e-05,
        "seq": 5,
        "props": {"id": "9e12-0e5", "v": 0.1},
    }
    assert not has_costly_numbers(json.dumps(BATCH | {"events": [event] * 200}).encode(), from_bytes=0)
    assert not has_costly_numbers(b"", from_bytes=0)
    assert not has_costly_numbers(b"1e300", from_bytes=0)


ONE = changed(GAMEPLAY, custom_data=[])
HEAVY = {
    "lists": [[]] * 4_000_000,
    "maps": [{}] * 4_000_000,
    "small maps": [{"a": 1}] * 1_000_000,
    "lists of lists": [[[]] * 2000] * 2000,
    "maps of lists": [{"a": [[]] * 250}] * 10_000,
    "keys": {5: [[]] * 1_000_000},
}


@pytest.mark.parametrize("what", HEAVY)
def test_too_many_lists_and_maps_are_refused_before_any_is_made(what: str) -> None:
    body = pack([GAMEPLAY, changed(GAMEPLAY, custom_data=HEAVY[what])])
    for judge in (lambda: s4.check(body, sample.NOW, sample.APP), lambda: s4.validate(body, sample.NOW)):
        with pytest.raises(s4.InvalidPayload, match="lists and maps"):
            judge()
    # It is 0.1 to 0.9 of what decoding takes.
    assert (
        cpu_ratio(lambda: msgpack_problem(body), lambda: msgpack.unpackb(body, strict_map_key=False), times=3)
        < 1.5
    )


@pytest.mark.parametrize(
    "content",
    [
        [None] * 490_000,
        [None] * 480_000 + [[]],
        ["\u00e9\u00df" * 8] * 100_000,
        [1.1e-300] * 400_000,
        "\u0404" * 1_000_000,
        {str(n): [[]] * 380 for n in range(256)},
    ],
)
def test_what_only_looks_like_many_is_counted(content: Any) -> None:
    body = pack(changed(GAMEPLAY, custom_data=content))
    assert msgpack_problem(body) is None
    assert s4.check(body, sample.NOW, sample.APP).count == 1


@pytest.mark.parametrize("count", [CONTAINERS_MAX - 2, CONTAINERS_MAX - 1, CONTAINERS_MAX])
def test_the_count_is_exact(count: int) -> None:
    position, custom_data = 1, 1
    body = pack(changed(GAMEPLAY, custom_data=[[]] * count))
    assert (msgpack_problem(body) is None) == (count + position + custom_data <= CONTAINERS_MAX)


@pytest.mark.parametrize(
    "body",
    [
        pack([[]] * 200_000),
        pack([{1: [[]] * 200_000}]),
        pack(changed(GAMEPLAY, custom_data=[[]] * 200_000))[:-1],
        pack(changed(GAMEPLAY, custom_data=[{b"": []}] * 100_000)),
        b"\x91" * 200_000,
    ],
)
def test_what_can_not_be_taken_apart_is_refused(body: bytes) -> None:
    assert len(body) > LARGE_BYTES
    with pytest.raises(s4.InvalidPayload):
        s4.check(body, sample.NOW, sample.APP)


def test_many_values_that_must_be_looked_at_end_early() -> None:
    for content in (
        [b"", *[1] * 4_000_000],
        [1] * 500_001,
        [[1] * 1000] * 501,
        {"a": {"b": [None] * 500_000}},
        {"deep": {"a": {"b": {"c": {"d": {"e": {"f": [1] * 500_000}}}}}}},
    ):
        body = pack([GAMEPLAY, changed(GAMEPLAY, custom_data=content)])
        for judge in (partial(s4.check, app_id=sample.APP), s4.validate):
            with pytest.raises(s4.InvalidPayload, match="more than 500000 values"):
                judge(body, arrived_at_ms=sample.NOW)
    body = pack([changed(GAMEPLAY, custom_data=[1] * 50_000)] * 11)
    with pytest.raises(s4.InvalidPayload, match="more than 500000 values"):
        s4.check(body, sample.NOW, sample.APP)
    assert len(s4.decode_items(body)) == 11, "a log holds what was accepted before there was a limit"


def test_many_lists_of_json() -> None:
    events = [{"name": "a", "t": NOW, "props": {"a": [[]] * 200_000}}]
    body = msgspec.json.encode(BATCH | {"events": events})
    with pytest.raises(InvalidBatch) as caught:
        s1.validate_batch(body, NOW)
    assert "more than 100000 lists and maps" in caught.value.issues[0].message
    assert len(s1.decode_batch(body).events) == 1, "a log holds what was accepted before there was a limit"
    brackets = [{"name": "a", "t": NOW, "props": {"a": "[" * 200_000}}]
    assert s1.validate_batch(msgspec.json.encode(BATCH | {"events": brackets}), NOW).events
