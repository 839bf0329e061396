"""What S2's shapes say of orders, slots and playtesters."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.edge.errors import Refused
from schemas.playtests import json as shapes
from schemas.playtests import slot_json
from schemas.playtests.offers import eligible, exists_for
from schemas.playtests.pages import place_of
from schemas.playtests.ports import OrderRow, Participation, Place
from schemas.playtests.resources import GameName
from schemas.playtests.views import Money, Order, Playtester, Rating, Slot

ORDER = Order(
    id="order",
    studio_id="studio",
    game_id="game",
    visibility="private",
    quantity=3,
    duration_minutes=60,
    player_count=1,
    cost_per_slot_cents=2000,
    payout_cents=1000,
    status="active",
    created_at_ms=1_770_000_000_000,
    activated_at_ms=1_770_000_000_000,
)
SLOT = Slot(
    id="slot",
    order_id="order",
    studio_id="studio",
    game_id="game",
    number=1,
    status="reserved",
    created_at_ms=1_770_000_000_000,
    playtester_id="tester",
)


def test_a_playtest_has_every_field_and_null_where_nothing_is_set() -> None:
    row = OrderRow(
        order=ORDER, money=Money(paid_cents=6000, held_cents=6000), slots={"open": 2, "reserved": 1}
    )
    found = msgspec.to_builtins(shapes.playtest(row))
    assert found == {
        "id": "order",
        "gameId": "game",
        "visibility": "private",
        "quantity": 3,
        "durationMinutes": 60,
        "playerCount": 1,
        "costPerSlotCents": 2000,
        "payoutCents": 1000,
        "notesForTesters": None,
        "status": "active",
        "isFreePublicTrial": False,
        "targetingType": None,
        "pastPlaytesterScope": None,
        "targetedPlaytesterId": None,
        "selectionMode": "automatic",
        "qualifications": None,
        "applicationsExpireAt": None,
        "needsAdminApproval": False,
        "money": {"paidCents": 6000, "heldCents": 6000, "payoutCents": 0, "feeCents": 0, "creditedCents": 0},
        "createdAt": "2026-02-02T02:40:00.000Z",
        "slots": {
            "open": 2,
            "reserved": 1,
            "submitted": 0,
            "accepted": 0,
            "rejected": 0,
            "expired": 0,
            "blocked": 0,
            "cancelled": 0,
            "publishing": 0,
        },
    }
    assert "slots" not in msgspec.to_builtins(shapes.new_playtest(row))
    assert msgspec.to_builtins(shapes.playtest_detail(row, "Dungeon"))["gameName"] == "Dungeon"


def test_a_playtest_that_is_offered_shows_neither_cost_nor_notes_nor_targeting() -> None:
    row = OrderRow(order=ORDER, money=Money(), slots={"open": 2})
    game = GameName(id="game", name="Dungeon")
    found = msgspec.to_builtins(shapes.available(row, game))
    assert found["openSlots"] == 2
    assert not {"costPerSlotCents", "money", "slots", "notesForTesters", "targetingType"} & set(found)


@pytest.mark.parametrize("status", ["open", "expired", "cancelled"])
def test_notes_and_key_are_hidden_once_a_slot_is_over_for_its_playtester(status: str) -> None:
    slot = msgspec.convert({**msgspec.to_builtins(SLOT), "status": status, "key_number": 1}, Slot)
    found = slot_json.own_slot(slot, payout_cents=1000, notes="notes", game_key="key")
    assert (found.notes_for_testers, found.game_key, found.payout_cents) == (None, None, 1000)
    assert not slot_json.shows_key(slot)


def test_a_slot_names_its_playtester_and_is_null_where_nothing_is_there() -> None:
    panel = {"tester": Playtester(id="tester", studio_id="studio", display_name="TestGamer42")}
    found = msgspec.to_builtins(slot_json.slot(SLOT, panel))
    assert found["playtester"] == {"id": "tester", "displayName": "TestGamer42"}
    assert {name for name, value in found.items() if value is None} == {
        "deadlineAt",
        "submission",
        "rating",
        "rejection",
        "transcription",
        "previousSlotId",
        "blockedReport",
        "publicUrl",
    }
    rated = msgspec.structs.replace(SLOT, rating=Rating(score=5), playtester_id=None)
    assert msgspec.to_builtins(slot_json.slot(rated, panel))["rating"] == {"score": 5, "comment": None}
    assert msgspec.to_builtins(slot_json.slot(rated, panel))["playtester"] is None


@given(st.integers(1, 5000).flatmap(lambda count: st.tuples(st.integers(count, 5 * count), st.just(count))))
def test_a_rating_s_average_has_two_decimals_halves_upwards(rated: tuple[int, int]) -> None:
    total, count = rated
    known = Playtester(id="t", studio_id="s", rating_total=total, rating_count=count)
    text = shapes.profile(known).rating_average
    assert text is not None
    assert abs(float(text) - total / count) <= 0.005 + 1e-9
    assert len(text) == 4


def test_nobody_is_rated_before_the_first_rating() -> None:
    assert shapes.profile(shapes.unknown_playtester("t", "s")).rating_average is None
    known = Playtester(id="t", studio_id="s", rating_total=48, rating_count=10)
    assert shapes.profile(known).rating_average == "4.80"
    half = Playtester(id="t", studio_id="s", rating_total=801, rating_count=200)
    assert shapes.profile(half).rating_average == "4.01"


def test_a_page_s_cursor_leads_behind_its_last_row() -> None:
    body = msgspec.json.decode(
        shapes.listed({"rows": []}, "req_000000000000", 0, last=Place(5, "abc"), more=True)
    )
    assert place_of(body["meta"].pop("cursor")) == Place(5, "abc")
    assert body["meta"] == {
        "requestId": "req_000000000000",
        "timestamp": "1970-01-01T00:00:00.000Z",
        "hasMore": True,
    }
    empty = msgspec.json.decode(shapes.listed({}, "req_000000000000", 0, last=None, more=False))
    assert "cursor" not in empty["meta"]


def test_a_refusal_s_body() -> None:
    body = msgspec.json.decode(
        shapes.refused(Refused(403, "no", requiredScope="game_owner"), "req_0123456789ab", 0)
    )
    assert body == {
        "error": {"code": "FORBIDDEN", "message": "no", "requiredScope": "game_owner"},
        "meta": {"requestId": "req_0123456789ab", "timestamp": "1970-01-01T00:00:00.000Z"},
    }


def test_what_is_unpaid_unapproved_or_for_another_does_not_exist_for_a_playtester() -> None:
    replace = msgspec.structs.replace
    assert exists_for(ORDER, "studio", "tester")
    assert not exists_for(ORDER, "other", "tester")
    assert not exists_for(replace(ORDER, activated_at_ms=None, status="pending_payment"), "studio", "tester")
    assert not exists_for(replace(ORDER, trial="pending"), "studio", "tester")
    assert exists_for(replace(ORDER, trial="approved"), "studio", "tester")
    aimed = replace(
        ORDER, targeting_type="past", past_playtester_scope="specific", targeted_playtester_id="tester"
    )
    assert exists_for(aimed, "studio", "tester")
    assert not exists_for(aimed, "studio", "somebody")


def test_new_and_past_playtesters() -> None:
    replace = msgspec.structs.replace
    nothing, had = Participation(), Participation(games=frozenset({"game"}))
    accepted = Participation(games=frozenset({"game"}), accepted_games=frozenset({"game"}))
    new, past = replace(ORDER, targeting_type="new"), replace(ORDER, targeting_type="past")
    assert [eligible(ORDER, known) for known in (nothing, had, accepted)] == [True, True, True]
    assert [eligible(new, known) for known in (nothing, had, accepted)] == [True, False, False]
    assert [eligible(past, known) for known in (nothing, had, accepted)] == [False, False, True]
