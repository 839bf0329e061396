"""An answer of each kind, for the document: a playtest of Dungeon Crawlers, its slot, applicant and money.

Made by the shapes that answers are made by, so that they have every field. Source: the S2 reference's values.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from schemas.playtests import account_views, envelopes, resources, responses, slot_json, views
from schemas.playtests import json as shapes
from schemas.playtests.pages import cursor_of
from schemas.playtests.ports import NoticeRow, OrderRow, Place
from schemas.timestamps import iso_ms, unix_ms

_AT: Final = unix_ms("2026-02-15T14:00:00.000Z")
_ENDS: Final = unix_ms("2026-02-16T14:00:00.000Z")
_GAME: Final = resources.GameName(id="0b0f7c8e-4b5d-4f0e-8a3c-0d6f5a1c2b3d", name="Dungeon Crawlers")
ORDER_ID: Final = "7f1d1a52-2f43-8b0e-9d3c-5a1c0e4b7d60"
SLOT_ID: Final = "7f1d1a52-2f43-8b0e-9d3c-5b1c0e4b7d61"
_TESTER_ID: Final = "5e0b7f4e-0c43-4c0e-9a51-0d9a9d9f2a01"
APPLICATION_ID: Final = "7f1d1a52-2f43-8b0e-9d3c-5c1c0e4b7d61"
PAYMENT_ID: Final = "ebe53e9a-b4f9-5329-8f42-279ed483322c"
_URL: Final = "https://storage.example.com/objects"
_ABOUT: Final = {"requestId": "req_abc123def456", "timestamp": "2026-03-02T12:00:00.000Z"}

_ORDER: Final = views.Order(
    id=ORDER_ID,
    studio_id="user_example",
    game_id=_GAME.id,
    visibility="private",
    quantity=3,
    duration_minutes=60,
    player_count=1,
    cost_per_slot_cents=2000,
    payout_cents=1000,
    status="active",
    created_at_ms=_AT,
    notes_for_testers="Focus on the tutorial flow",
)
_MONEY: Final = views.Money(paid_cents=6000, held_cents=6000)
_ROW: Final = OrderRow(order=_ORDER, money=_MONEY, slots={"open": 1, "reserved": 1, "submitted": 1})
_UNPAID: Final = OrderRow(
    order=msgspec.structs.replace(_ORDER, status="pending_payment"), money=views.Money(), slots={}
)
_TESTER: Final = views.Playtester(
    id=_TESTER_ID,
    studio_id="user_example",
    display_name="TestGamer42",
    gaming_experience="VR enthusiast, big into roguelites",
    validated_at_ms=unix_ms("2026-01-12T00:00:00.000Z"),
    rating_total=48,
    rating_count=10,
    accepted_count=47,
    balance_cents=12000,
)
_PANEL: Final = {_TESTER_ID: _TESTER}
_OPEN: Final = views.Slot(
    id=SLOT_ID,
    order_id=ORDER_ID,
    studio_id="user_example",
    game_id=_GAME.id,
    number=1,
    status="open",
    created_at_ms=_AT,
)
_RESERVED: Final = msgspec.structs.replace(
    _OPEN, status="reserved", deadline_at_ms=_ENDS, playtester_id=_TESTER_ID
)
_SUBMITTED: Final = msgspec.structs.replace(
    _RESERVED,
    status="submitted",
    submission=views.Submission(
        id="c3b8deda-c5bb-5762-a7df-1ec5b4c619b1",
        video_key=f"submissions/user_example/{SLOT_ID}/{PAYMENT_ID}.mp4",
        video_bytes=524288000,
        created_at_ms=unix_ms("2026-02-15T18:30:00.000Z"),
        notes="Found a bug in level 3",
    ),
    transcription=views.Transcription(
        id="d1f0a9c2-7b1e-5d3f-8c2a-4e6b8d0f1a3c",
        status="approved",
        version="claude",
        key_takeaways=["Bug found in level 3", "Tutorial was confusing"],
    ),
)
_APPLICATION: Final = views.Application(
    id=APPLICATION_ID,
    order_id=ORDER_ID,
    studio_id="user_example",
    playtester_id=_TESTER_ID,
    status="pending",
    qualifications_response="",
    created_at_ms=_AT,
)
_TEXT: Final = "I'm 58 and have a Quest 3 - I've played 200 hours of similar titles."
_APPROVED: Final = msgspec.structs.replace(
    _APPLICATION, status="approved", reviewed_at_ms=_ENDS, assigned_slot_id=SLOT_ID
)
_REJECTED: Final = msgspec.structs.replace(_APPLICATION, status="rejected", reviewed_at_ms=_ENDS)
_PAYMENT: Final = account_views.Payment(
    id=PAYMENT_ID,
    studio_id="user_example",
    amount_cents=6000,
    status="completed",
    created_at_ms=_AT,
    provider="external",
    external_id="ch_1",
)
_MOVEMENT: Final = account_views.LedgerRow(
    id="a9b94e69-ce01-5115-bda7-4be61a9aa0f7",
    number=1,
    type="top_up",
    amount_cents=6000,
    balance_cents=6000,
    at_ms=_AT,
    payment_id=PAYMENT_ID,
)
_EARNED: Final = account_views.LedgerRow(
    id="7f3d0f38-e05b-5330-b22f-f639a6bc7792",
    number=1,
    type="payout_earned",
    amount_cents=1000,
    balance_cents=1000,
    at_ms=_AT,
    order_id=ORDER_ID,
    slot_id=SLOT_ID,
)
_NOTICE: Final = NoticeRow(
    id="953961b9-343c-5995-a809-28f950e6e44c",
    type="slot-rejected",
    order_id=ORDER_ID,
    at_ms=_AT,
    slot_id=SLOT_ID,
    message="Video was too short",
)
_OWN: Final = slot_json.own_slot_detail(_RESERVED, _ORDER, _GAME, "AAAAA-BBBBB-CCCCC")
_EXAMPLES: Final = {
    type(example): example
    for example in (
        envelopes.Message(message="Submission accepted"),
        responses.GamePlaytests(playtests=[shapes.playtest(_ROW)], eligible_for_free_trial=True),
        responses.Ordered(
            playtest=shapes.new_playtest(_UNPAID),
            requires_payment=True,
            cost_per_slot_cents=2000,
            total_cents=6000,
        ),
        responses.OnePlaytest(playtest=shapes.playtest(_ROW)),
        responses.OnePlaytestDetail(playtest=shapes.playtest_detail(_ROW, _GAME.name)),
        responses.Paid(
            playtest=shapes.playtest(_ROW), slots=[slot_json.slot(_OPEN, _PANEL)], balance_cents=4000
        ),
        responses.Slots(slots=[slot_json.slot(_SUBMITTED, _PANEL)]),
        responses.OneSlotDetail(slot=slot_json.slot_detail(_SUBMITTED, _ORDER, _GAME, _PANEL)),
        responses.Submissions(
            submissions=slot_json.submission_rows(
                [_SUBMITTED], {_ORDER.id: _ORDER}, {_GAME.id: _GAME}, _PANEL
            )
        ),
        responses.Applications(
            request=resources.ApplicationsRequest(
                id=ORDER_ID,
                game_id=_GAME.id,
                game_name=_GAME.name,
                quantity=3,
                qualifications="Playtester must be over 55 and own a Quest 3.",
                selection_mode="manual",
                applications_expire_at=iso_ms(_ENDS),
                scheduled_at=None,
            ),
            counts=resources.ApplicationCounts(approved_count=1, pending_count=12, slots_remaining=2),
            applications=[shapes.application(_APPLICATION, _TESTER, _TEXT)],
        ),
        responses.ApplicationApproved(
            application=shapes.application(_APPROVED, _TESTER, _TEXT),
            assigned_slot_id=SLOT_ID,
            slots_remaining=1,
        ),
        responses.OneApplication(application=shapes.application(_REJECTED, _TESTER, _TEXT)),
        responses.DownloadUrl(download_url=f"{_URL}/videos/…", expires_at=iso_ms(_ENDS)),
        responses.Transcript(
            download_url=f"{_URL}/transcripts/…",
            filename="transcript-claude.txt",
            version="claude",
            key_takeaways=["Bug found in level 3", "Tutorial was confusing"],
        ),
        responses.Stats(total_games=3, active_playtests=5, pending_reviews=2),
        shapes.profile(_TESTER),
        responses.Available(playtests=[shapes.available(_ROW, _GAME)]),
        responses.OneOwnSlot(
            slot=slot_json.own_slot(
                _RESERVED,
                payout_cents=1000,
                notes=_ORDER.notes_for_testers,
                game_key="AAAAA-BBBBB-CCCCC",
            )
        ),
        responses.OneOwnSlotDetail(slot=_OWN),
        responses.OwnSlots(slots=[_OWN]),
        responses.OneOwnApplication(application=shapes.own_application(_APPLICATION, _TEXT)),
        responses.OwnApplications(applications=[shapes.own_application(_APPLICATION, _TEXT)]),
        responses.Earnings(earnings=[shapes.movement(_EARNED)]),
        responses.Notices(notices=[shapes.notice(_NOTICE)]),
        responses.UploadUrl(
            upload_url=f"{_URL}/submissions/…", upload_id=PAYMENT_ID, expires_at=iso_ms(_ENDS)
        ),
        responses.Balance(balance_cents=6000, currency="USD"),
        responses.Payments(payments=[shapes.payment(_PAYMENT)]),
        responses.OnePayment(payment=shapes.payment(_PAYMENT)),
        responses.Ledger(ledger=[shapes.movement(_MOVEMENT)]),
        responses.PaymentOpened(payment_id=PAYMENT_ID, amount_cents=6000, checkout_url=None),
        responses.PaymentEnded(payment_id=PAYMENT_ID, status="completed"),
    )
}
CURSOR: Final = cursor_of(Place(_AT, ORDER_ID))


def example_of(data: type[Any], *, paged: bool) -> Any:
    """A whole answer with such `data`, as JSON has it."""
    about: dict[str, Any] = dict(_ABOUT)
    if paged:
        about |= {"hasMore": False, "cursor": CURSOR}
    return {"data": msgspec.to_builtins(_EXAMPLES[data]), "meta": about}
