"""What S2 refuses of bodies, queries and cursors: all that is wrong at once, each with its field."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.edge.errors import Refused
from schemas.edge.routes import Route
from schemas.playtests import bodies
from schemas.playtests.pages import AT_MS_MAX, cursor_of, place_of
from schemas.playtests.ports import Place
from schemas.playtests.read_routes import READS
from schemas.playtests.validation import (
    PROBLEMS_MAX,
    Fields,
    Problems,
    read_body,
    read_idempotency_key,
    read_query,
)
from schemas.timestamps import iso_ms
from tests.cpu_cost import cpu_ratio

UUID = "5e0b7f4e-0c43-4c0e-9a51-0d9a9d9f2a01"


def problems_of(kind: type[Fields], **fields: Any) -> dict[str, str]:
    """What is wrong with a body; nothing where it is taken."""
    try:
        read_body(kind, msgspec.json.encode(fields), {})
    except Refused as refused:
        details = refused.details["details"] if refused.status == 422 else []
        return {one["field"]: one["message"] for one in details} or {"status": str(refused.status)}
    return {}


def order(**fields: Any) -> bodies.OrderBody:
    return read_body(bodies.OrderBody, msgspec.json.encode(fields), {})


def route(name: str) -> Route:
    return next(one for one in READS if one.name == name)


def test_an_order_has_the_reference_s_defaults_and_a_trial_its_own() -> None:
    plain = order()
    assert (plain.chosen_visibility, plain.quantity, plain.chosen_minutes, plain.player_count) == (
        "private",
        1,
        60,
        1,
    )
    assert (plain.selection_mode, plain.is_free_public_trial, plain.pay_from_credit) == (
        "automatic",
        False,
        False,
    )
    trial = order(isFreePublicTrial=True)
    assert (trial.chosen_visibility, trial.chosen_minutes) == ("public", 30)


def test_all_that_is_wrong_is_said_at_once_and_no_value_is_repeated() -> None:
    key = "AAAA-SECRET" * 30
    found = problems_of(
        bodies.OrderBody,
        quantity=101,
        durationMinutes=45,
        playerCount="two",
        isFreePublicTrial="yes",
        notesForTesters="",
        keysForTesters=["good", key, 5],
        Quantity=1,
        visibility="secret",
    )
    assert set(found) == {
        "quantity",
        "durationMinutes",
        "playerCount",
        "isFreePublicTrial",
        "notesForTesters",
        "keysForTesters[1]",
        "keysForTesters[2]",
        "Quantity",
        "visibility",
    }
    assert found["quantity"] == "must be at most 100"
    assert found["playerCount"] == "must be a whole number, not str"
    assert found["notesForTesters"] == "must have at least 1 characters"
    assert "SECRET" not in str(found)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"quantity": 3, "keysForTesters": ["a", "b"]}, {"keysForTesters"}),
        ({"quantity": 1, "keysForTesters": ["a", "b", "c"]}, set()),
        ({"quantity": 1, "keysForTesters": ["a", "b", "c", "d"]}, {"keysForTesters"}),
        ({"quantity": 2, "keysForTesters": ["a", "a"]}, {"keysForTesters"}),
        ({"quantity": 2, "keysForTesters": ["a", " a"]}, set()),
        ({"targetingType": "past"}, {"pastPlaytesterScope"}),
        ({"targetingType": "new", "pastPlaytesterScope": "any"}, {"pastPlaytesterScope"}),
        ({"pastPlaytesterScope": "any"}, {"pastPlaytesterScope"}),
        ({"targetingType": "past", "pastPlaytesterScope": "any"}, set()),
        ({"targetingType": "past", "pastPlaytesterScope": "specific"}, {"targetedPlaytesterId"}),
        (
            {"targetingType": "past", "pastPlaytesterScope": "any", "targetedPlaytesterId": UUID},
            {"targetedPlaytesterId"},
        ),
        (
            {
                "targetingType": "past",
                "pastPlaytesterScope": "specific",
                "targetedPlaytesterId": UUID,
                "quantity": 2,
                "selectionMode": "manual",
            },
            {"quantity", "selectionMode"},
        ),
        ({"isFreePublicTrial": True, "visibility": "private"}, {"visibility"}),
        (
            {
                "isFreePublicTrial": True,
                "durationMinutes": 60,
                "playerCount": 2,
                "quantity": 2,
                "selectionMode": "manual",
                "targetingType": "new",
            },
            {"durationMinutes", "playerCount", "quantity", "selectionMode", "targetingType"},
        ),
        ({"isFreePublicTrial": True, "visibility": "public", "durationMinutes": 30}, set()),
        ({"notesForTesters": None, "targetingType": None, "quantity": 2.0}, set()),
        ({"quantity": 2.5}, {"quantity"}),
        ({"quantity": True}, {"quantity"}),
        ({"quantity": None}, {"quantity"}),
        (
            {"notesForTesters": "x" * 5001, "qualifications": "y" * 2001},
            {"notesForTesters", "qualifications"},
        ),
        ({"notesForTesters": " x ", "qualifications": "y" * 2000}, set()),
    ],
)
def test_fields_of_an_order_beside_each_other(fields: dict[str, Any], wrong: set[str]) -> None:
    assert set(problems_of(bodies.OrderBody, **fields)) == wrong


def is_refused(data: bytes) -> bool:
    try:
        read_body(bodies.ChangeBody, data, {})
    except Refused:
        return True
    return False


@pytest.mark.parametrize(
    "data",
    [
        b'{"keysForTesters":[%b]}' % b",".join([b"1"] * 130_000),
        b"{%b}" % b",".join(b'"unknown%d":1' % number for number in range(15_000)),
    ],
)
def test_a_body_at_its_limit_costs_little_and_so_does_its_answer(data: bytes) -> None:
    assert len(data) <= bodies.BODY_BYTES_MAX
    with pytest.raises(Refused) as refused:
        read_body(bodies.ChangeBody, data, {})
    # It is 4; where each problem has its own text, 140.
    assert cpu_ratio(lambda: is_refused(data), lambda: json.loads(data)) < 16
    assert len(refused.value.details["details"]) == PROBLEMS_MAX
    assert len(refused.value.message) < 100 * PROBLEMS_MAX


def test_other_bodies() -> None:
    assert set(problems_of(bodies.RatingBody, comment="fine")) == {"score"}
    assert set(problems_of(bodies.RatingBody, score=6, comment="c" * 1001)) == {"score", "comment"}
    assert set(problems_of(bodies.AcceptBody, comment="without a rating")) == {"rating"}
    assert set(problems_of(bodies.NoFields, anything=1)) == {"anything"}
    assert set(problems_of(bodies.ProfileBody, displayName="x" * 41)) == {"displayName"}
    assert not problems_of(bodies.ProfileBody, displayName=None)
    assert set(problems_of(bodies.SubmitBody, uploadId="../../etc")) == {"uploadId"}
    assert set(problems_of(bodies.CreditBody, amountCents=1999)) == {"amountCents"}
    assert set(problems_of(bodies.BlockBody, reasonCode="bored")) == {"reasonCode"}
    assert set(problems_of(bodies.ChangeBody, keysForTesters=["a", "a"])) == {"keysForTesters"}


@pytest.mark.parametrize("data", [b"[]", b"null", b'"x"', b"{", b"\xff", b'{"quantity": NaN}', b"1"])
def test_what_is_no_json_object_is_400(data: bytes) -> None:
    with pytest.raises(Refused) as refused:
        read_body(bodies.OrderBody, data, {})
    assert refused.value.status == 400


def test_an_empty_body_is_an_empty_object_and_problems_of_elsewhere_come_with_its_own() -> None:
    assert read_body(bodies.NoFields, b"", {}) == bodies.NoFields()
    with pytest.raises(Refused) as refused:
        read_body(bodies.RatingBody, b"", {"Idempotency-Key": "is wrong"})
    assert [one["field"] for one in refused.value.details["details"]] == ["Idempotency-Key", "score"]


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        (b"", set()),
        (b"limit=0", {"limit"}),
        (b"limit=-1&status=nothing", {"limit", "status"}),
        (b"limit=x&cursor=x", {"limit", "cursor"}),
        (b"limit=5&limit=6", {"limit"}),
        (b"limit=", {"limit"}),
        (b"_=17&utm=x", set()),
        (b"cursor=eyJpZCI6ImFiYzEyMyJ9", {"cursor"}),
    ],
)
def test_queries(query: bytes, wrong: set[str]) -> None:
    problems: Problems = {}
    read_query(route("submissions"), query, problems)
    assert set(problems) == wrong


def test_a_limit_above_100_is_100_and_defaults_are_the_reference_s() -> None:
    assert read_query(route("submissions"), b"limit=5000", {})["limit"] == 100
    assert read_query(route("submissions"), b"limit=" + b"9" * 400, {})["limit"] == 100
    found = read_query(route("submissions"), b"", {})
    assert (found["limit"], found["cursor"], found["status"]) == (20, None, "submitted")
    assert read_query(route("list_applications"), b"", {})["limit"] is None


def test_a_cursor_of_a_time_that_no_store_holds_is_none() -> None:
    name = "9c5b94b1-35ad-49bb-b118-8e8fc24abf80"
    assert iso_ms(AT_MS_MAX) == "2299-12-31T23:59:59.999Z"
    assert place_of(cursor_of(Place(AT_MS_MAX, name))) is not None
    for at_ms in (-1, AT_MS_MAX + 1, 2**53 - 1):
        assert place_of(cursor_of(Place(at_ms, name))) is None


@given(st.integers(0, AT_MS_MAX), st.uuids())
def test_a_cursor_is_read_as_it_was_made(at_ms: int, name: Any) -> None:
    place = Place(at_ms, str(name))
    assert place_of(cursor_of(place)) == place
    assert read_query(route("payments"), f"cursor={cursor_of(place)}".encode(), {})["cursor"] == place


@given(st.text(max_size=80))
def test_a_cursor_that_is_not_ours_is_none(text: str) -> None:
    found = place_of(text)
    assert found is None or cursor_of(found) == text


def test_idempotency_keys() -> None:
    problems: Problems = {}
    assert not read_idempotency_key([], problems)
    assert read_idempotency_key([b"a b"], problems) == "a b"
    assert read_idempotency_key([b"same", b"same"], problems) == "same"
    assert not problems
    for values in ([b"one", b"two"], [b""], [b"x" * 256], [b"\xe9"]):
        problems = {}
        read_idempotency_key(values, problems)
        assert set(problems) == {"Idempotency-Key"}
