"""What happens to applications, as operations: the order's pool, the applicant's list, notices."""

from __future__ import annotations

from typing import Final

from projections.playtests import keys
from projections.playtests.context import Context, Step, encode
from projections.redis.operations import add_member, set_field
from schemas.codec import Message
from schemas.playtests import order_events as ev
from schemas.playtests.views import ApplicationState


def _set(context: Context, event: ev.OrderEvent, state: ApplicationState) -> None:
    context.add(set_field(keys.pool_key(event.order_id), state.id, encode(state)))


def _made(context: Context, event: ev.ApplicationMade) -> None:
    state = event.application
    _set(context, event, state)

    def own(kind: str) -> str:
        return keys.of_playtester(kind, event.studio_id, state.playtester_id)

    context.add(
        set_field(own("texts"), state.id, event.qualifications_response),
        add_member(own("joined"), event.order_id),
    )
    context.listed(own("own-applications"), keys.place(state.created_at_ms, state.id), there=True)


def _decided(context: Context, event: ev.ApplicationEvent) -> None:
    state = event.application
    _set(context, event, state)
    if not isinstance(event, ev.ApplicationWithdrawn):
        message = event.custom_message if isinstance(event, ev.ApplicationRejected) else None
        context.notify(
            state.playtester_id,
            event,
            slot_id=state.assigned_slot_id,
            application_id=state.id,
            message=message,
        )


def _auto_rejected(context: Context, event: ev.ApplicationsAutoRejected) -> None:
    for one in event.applications:
        state = ApplicationState(
            id=one.id,
            playtester_id=one.playtester_id,
            status="auto_rejected",
            created_at_ms=one.created_at_ms,
            reviewed_at_ms=context.at_ms,
        )
        _set(context, event, state)
        context.notify(one.playtester_id, event, application_id=one.id)


STEPS: Final[dict[type[Message], Step]] = {
    ev.ApplicationMade: _made,
    ev.ApplicationApproved: _decided,
    ev.ApplicationRejected: _decided,
    ev.ApplicationWithdrawn: _decided,
    ev.ApplicationsAutoRejected: _auto_rejected,
}
