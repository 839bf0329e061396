"""S2's JSON shapes, shared by the write side's answers and the read side's. Pure.

Source: the playtests contract, "Objects". Inside times are unix milliseconds and names snake_case; here they
are ISO 8601 and camelCase.
"""

from __future__ import annotations

from typing import Any, Final, get_args

import msgspec

from schemas.edge.errors import Refused
from schemas.edge.surfaces import Failure
from schemas.playtests import account_views, envelopes, resources, responses, views
from schemas.playtests.errors import S2
from schemas.playtests.pages import cursor_of
from schemas.playtests.ports import NoticeRow, OrderRow, Place
from schemas.timestamps import iso_ms

_encode: Final = msgspec.json.Encoder().encode
_STATUSES: Final[tuple[views.SlotStatus, ...]] = get_args(views.SlotStatus)


def answered(data: Any, request_id: str, now_ms: int) -> bytes:
    """The body of an answer."""
    return enveloped(_encode(data), about(request_id, now_ms))


def about(request_id: str, now_ms: int) -> envelopes.About:
    """Which answer it is."""
    return envelopes.About(request_id=request_id, timestamp=iso_ms(now_ms))


def listed(data: Any, request_id: str, now_ms: int, *, last: Place | None, more: bool) -> bytes:
    """The body of a page whose last row is at `last`; None for a page without rows."""
    meta = envelopes.ListAbout(
        request_id=request_id,
        timestamp=iso_ms(now_ms),
        has_more=more,
        cursor=msgspec.UNSET if last is None else cursor_of(last),
    )
    return enveloped(_encode(data), meta)


def enveloped(data: bytes, meta: envelopes.About) -> bytes:
    """Encoded data with what is said of the answer."""
    return b'{"data":%b,"meta":%b}' % (data, _encode(meta))


def refused(error: Refused, request_id: str, now_ms: int) -> bytes:
    """The body of a refusal."""
    failure = Failure(
        status=error.status,
        message=error.message,
        code=error.code,
        request_id=request_id,
        now_ms=now_ms,
        extra=error.details,
    )
    return _encode(S2.error(failure))


def new_playtest(row: OrderRow) -> resources.NewPlaytest:
    """A playtest as it was ordered."""
    return resources.NewPlaytest(**_playtest(row))


def playtest(row: OrderRow) -> resources.Playtest:
    """A playtest as it stands."""
    return resources.Playtest(**_playtest(row), slots=_counts(row))


def playtest_detail(row: OrderRow, game_name: str) -> resources.PlaytestDetail:
    """The same with its game's name."""
    return resources.PlaytestDetail(**_playtest(row), slots=_counts(row), game_name=game_name)


def _playtest(row: OrderRow) -> dict[str, Any]:
    order = row.order
    return {
        "id": order.id,
        "game_id": order.game_id,
        "visibility": order.visibility,
        "quantity": order.quantity,
        "duration_minutes": order.duration_minutes,
        "player_count": order.player_count,
        "cost_per_slot_cents": order.cost_per_slot_cents,
        "payout_cents": order.payout_cents,
        "notes_for_testers": order.notes_for_testers,
        "status": order.status,
        "is_free_public_trial": order.trial != "none",
        "targeting_type": order.targeting_type,
        "past_playtester_scope": order.past_playtester_scope,
        "targeted_playtester_id": order.targeted_playtester_id,
        "selection_mode": order.selection_mode,
        "qualifications": order.qualifications,
        "applications_expire_at": _time(order.applications_expire_at_ms),
        "needs_admin_approval": order.trial == "pending",
        "money": resources.Money(**msgspec.structs.asdict(row.money)),
        "created_at": iso_ms(order.created_at_ms),
    }


def _counts(row: OrderRow) -> resources.SlotCounts:
    return resources.SlotCounts(**{status: row.slots.get(status, 0) for status in _STATUSES})


def available(row: OrderRow, game: resources.GameName) -> resources.AvailablePlaytest:
    """A playtest as it is offered."""
    order = row.order
    return resources.AvailablePlaytest(
        id=order.id,
        game_id=order.game_id,
        game=game,
        visibility=order.visibility,
        quantity=order.quantity,
        duration_minutes=order.duration_minutes,
        player_count=order.player_count,
        payout_cents=order.payout_cents,
        status=order.status,
        is_free_public_trial=order.trial != "none",
        selection_mode=order.selection_mode,
        qualifications=order.qualifications,
        applications_expire_at=_time(order.applications_expire_at_ms),
        needs_admin_approval=order.trial == "pending",
        open_slots=row.slots.get("open", 0),
        created_at=iso_ms(order.created_at_ms),
    )


def application(
    value: views.Application, applicant: views.Playtester | None, response: str | None
) -> resources.Application:
    """An application as the owner sees it. `response` is the opened text."""
    known = applicant or views.Playtester(id=value.playtester_id, studio_id=value.studio_id)
    return resources.Application(
        id=value.id,
        status=value.status,
        qualifications_response=response,
        created_at=iso_ms(value.created_at_ms),
        reviewed_at=_time(value.reviewed_at_ms),
        assigned_slot_id=value.assigned_slot_id,
        playtester_id=value.playtester_id,
        display_name=known.display_name,
        gaming_experience=known.gaming_experience,
        validated_at=_time(known.validated_at_ms),
        rating_average=_average(known),
        accepted_count=str(known.accepted_count),
    )


def own_application(value: views.Application, response: str | None) -> resources.OwnApplication:
    """An application as its playtester sees it. `response` is the opened text."""
    return resources.OwnApplication(
        id=value.id,
        request_id=value.order_id,
        status=value.status,
        qualifications_response=response,
        created_at=iso_ms(value.created_at_ms),
        reviewed_at=_time(value.reviewed_at_ms),
        assigned_slot_id=value.assigned_slot_id,
        playtester_id=value.playtester_id,
    )


def unknown_playtester(playtester_id: str, studio_id: str) -> views.Playtester:
    """One of whom nothing is known yet."""
    return views.Playtester(id=playtester_id, studio_id=studio_id)


def profile(value: views.Playtester) -> responses.Profile:
    """A playtester, as they see themselves."""
    return responses.Profile(
        id=value.id,
        display_name=value.display_name,
        gaming_experience=value.gaming_experience,
        validated_at=_time(value.validated_at_ms),
        rating_average=_average(value),
        accepted_count=str(value.accepted_count),
        balance_cents=value.balance_cents,
    )


def payment(value: account_views.Payment) -> resources.Payment:
    """A top-up."""
    return resources.Payment(
        id=value.id,
        amount_cents=value.amount_cents,
        status=value.status,
        provider=value.provider,
        external_id=value.external_id,
        playtest_id=value.order_id,
        created_at=iso_ms(value.created_at_ms),
    )


def movement(row: account_views.LedgerRow) -> resources.Movement:
    """A row of a ledger."""
    return resources.Movement(
        id=row.id,
        type=row.type,
        amount_cents=row.amount_cents,
        balance_cents=row.balance_cents,
        playtest_id=row.order_id,
        slot_id=row.slot_id,
        payment_id=row.payment_id,
        payout_id=row.payout_id,
        reason=row.reason,
        created_at=iso_ms(row.at_ms),
    )


def notice(row: NoticeRow) -> resources.Notice:
    """Something that a playtester is told."""
    return resources.Notice(
        id=row.id,
        type=row.type,
        playtest_id=row.order_id,
        slot_id=row.slot_id,
        application_id=row.application_id,
        message=row.message,
        created_at=iso_ms(row.at_ms),
    )


def _average(value: views.Playtester) -> str | None:
    """Two decimals, halves upwards: `4.80`."""
    if not value.rating_count:
        return None
    hundredths = (200 * value.rating_total + value.rating_count) // (2 * value.rating_count)
    return f"{hundredths // 100}.{hundredths % 100:02d}"


def _time(at_ms: int | None) -> str | None:
    return None if at_ms is None else iso_ms(at_ms)
