"""Given some commands, when another comes, then these events: the playtests decider without its shell."""

from __future__ import annotations

import hashlib
from typing import Any, TypeVar

import msgspec

from schemas.codec import Message
from schemas.envelope import Command, CommandRecord, CommandRejected
from schemas.playtests import (
    account_commands,
    names,
    order_commands,
    order_events,
    person_messages,
    slot_commands,
    slot_events,
)
from schemas.playtests.commands import COMMANDS
from schemas.playtests.order_commands import SealedKey
from schemas.playtests.slot_commands import StoredObject
from schemas.playtests.views import SlotStatus
from streams.deciders.noun import Request
from streams.deciders.playtests.noun import PLAYTESTS
from streams.deciders.playtests.state import OrderState, PlaytesterState, PlaytestsState, Slot, StudioState
from tests.streams.deciders.playtests.money import check

AT_MS = 1_800_000_000_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
STUDIO = "user_1"
GAME = "game_1"
COST, PAYOUT = 2000, 1000
VIDEO = StoredObject(key="submissions/one", size_bytes=5)
EventT = TypeVar("EventT", bound=Message)


def key(name: str) -> SealedKey:
    return SealedKey(f"sealed {name}", hashlib.sha256(name.encode()).hexdigest()[:32])


def keys(count: int, prefix: str = "key") -> list[SealedKey]:
    return [key(f"{prefix} {number}") for number in range(1, count + 1)]


class Playtests:
    """A folded partition, and a clock that the test moves. What must hold is checked after every event."""

    def __init__(self, credit_cents: int = 1_000_000) -> None:
        self.state: PlaytestsState = PLAYTESTS.initial
        self.at_ms = AT_MS
        self.count = 0
        if credit_cents:
            self.given(account_commands.AdjustAccount(amount_cents=credit_cents, reason="test"))

    @property
    def studio(self) -> StudioState:
        return self.state.studios[STUDIO]

    def known(self, order_id: str) -> OrderState:
        return self.studio.orders[order_id]

    def slot(self, slot_id: str) -> Slot:
        place = names.place_of("slot", slot_id)
        assert place is not None
        return self.known(place[0]).slots[place[1]]

    def panel(self, playtester_id: str) -> PlaytesterState:
        return self.studio.playtesters[playtester_id]

    def request(
        self, body: Message, game_id: str = GAME, studio_id: str = STUDIO, command_id: str = ""
    ) -> Request:
        """With a `command_id` as where a client uses a key again that was forgotten."""
        self.count += 1
        name = command_id or f"c{self.count}"
        return Request(
            command_id=name,
            aggregate_id=aggregate(body, studio_id, game_id, name),
            studio_id=studio_id,
            game_id=game_id,
            command=COMMANDS.decode(body.WIRE, COMMANDS.encode(body)),
            at_ms=max(self.at_ms, self.state.time_ms),
            seed=hashlib.sha256(f"c{self.count}".encode()).digest()[:16],
        )

    def when(self, body: Message, game_id: str = GAME, **more: Any) -> tuple[Message, ...] | CommandRejected:
        """Decide only, through the codec as the shell does."""
        return PLAYTESTS.decide(self.state, self.request(body, game_id, **more))

    def given(self, body: Message, game_id: str = GAME, **more: Any) -> list[Message]:
        """Decide and apply; fails on a refusal."""
        request = self.request(body, game_id, **more)
        verdict = PLAYTESTS.decide(self.state, request)
        assert isinstance(verdict, tuple), verdict
        events = [PLAYTESTS.events.decode(event.WIRE, PLAYTESTS.events.encode(event)) for event in verdict]
        assert events == list(verdict)
        for happened in events:
            aggregate_id = PLAYTESTS.aggregate_of(happened)
            before = PLAYTESTS.sequence(self.state, aggregate_id)
            self.state = PLAYTESTS.evolve(self.state, happened, request.at_ms)
            assert PLAYTESTS.sequence(self.state, aggregate_id) == before + 1
            check(self.state)
        return events

    def refusal(self, body: Message, game_id: str = GAME, **more: Any) -> tuple[int, str]:
        verdict = self.when(body, game_id, **more)
        assert isinstance(verdict, CommandRejected), verdict
        return verdict.status, verdict.code

    def ordered(self, quantity: int = 1, game_id: str = GAME, **more: Any) -> str:
        """An order's id, waiting for its payment."""
        ordered = only(order_events.PlaytestOrdered, self.given(order(quantity, **more), game_id))
        return ordered.order_id

    def active(self, quantity: int = 1, game_id: str = GAME, **more: Any) -> str:
        """An active order's id."""
        return self.ordered(quantity, game_id, pay_from_credit=True, **more)

    def claimed(self, order_id: str, playtester_id: str = "ann") -> str:
        """The slot that a playtester has now."""
        claim = slot_commands.ClaimSlot(order_id=order_id, playtester_id=playtester_id)
        return only(slot_events.SlotReserved, self.given(claim)).slot.id

    def applied(self, order_id: str, playtester_id: str = "ann") -> str:
        """An application's id."""
        body = order_commands.MakeApplication(
            order_id=order_id, playtester_id=playtester_id, qualifications_response="sealed me"
        )
        return only(order_events.ApplicationMade, self.given(body)).application.id

    def submitted(self, order_id: str, playtester_id: str = "ann") -> str:
        """A slot whose recording was handed in."""
        slot_id = self.claimed(order_id, playtester_id)
        self.given(submit(slot_id, playtester_id))
        return slot_id

    def accepted(self, playtester_id: str = "ann", game_id: str = GAME) -> str:
        """A playtester with an accepted submission for a game."""
        slot_id = self.submitted(self.active(game_id=game_id), playtester_id)
        self.given(slot_commands.AcceptSlot(slot_id=slot_id))
        return slot_id

    def trial(self, *, approved: bool = True) -> str:
        order_id = only(order_events.PlaytestOrdered, self.given(trial())).order_id
        if approved:
            self.given(order_commands.ApproveTrial(order_id=order_id))
        return order_id

    def slot_in(self, status: SlotStatus, **more: Any) -> str:
        """A slot of an order of one seat, brought to a status."""
        manual = more.get("selection_mode") == "manual"
        visibility = "public" if status == "publishing" else "private"
        order_id = self.active(**({"visibility": visibility} | more))
        slot_id = names.slot_id(order_id, 1)
        if status == "open":
            return slot_id
        if status == "expired" and manual:
            self.applied(order_id)
            self.at_ms += 7 * DAY_MS
            self.given(order_commands.ReviewDue(order_id=order_id))
            return slot_id
        if manual:
            self.given(order_commands.ApproveApplication(application_id=self.applied(order_id)))
        else:
            self.claimed(order_id)
        if status in {"submitted", "accepted", "rejected", "publishing"}:
            self.given(submit(slot_id))
        if status in {"accepted", "publishing"}:
            self.given(slot_commands.AcceptSlot(slot_id=slot_id))
        elif status == "rejected":
            self.given(slot_commands.RejectSlot(slot_id=slot_id))
        elif status == "expired":
            self.at_ms += 3 * DAY_MS
            self.given(slot_commands.SlotDue(slot_id=slot_id))
        elif status == "cancelled":
            self.given(slot_commands.AbandonSlot(slot_id=slot_id, playtester_id="ann"))
        elif status == "blocked":
            self.given(block(slot_id))
        assert self.slot(slot_id).status == status
        return slot_id


def order(quantity: int = 1, **more: Any) -> order_commands.OrderPlaytest:
    fields: dict[str, Any] = {
        "visibility": "private",
        "quantity": quantity,
        "duration_minutes": 60,
        "player_count": 1,
        "cost_per_slot_cents": COST,
        "payout_cents": PAYOUT,
        "notes_for_testers": "be kind",
    }
    return order_commands.OrderPlaytest(**(fields | more))


def trial() -> order_commands.OrderPlaytest:
    return order(
        visibility="public",
        duration_minutes=30,
        cost_per_slot_cents=0,
        payout_cents=0,
        is_free_public_trial=True,
    )


def submit(slot_id: str, playtester_id: str = "ann", **more: Any) -> slot_commands.SubmitSlot:
    fields: dict[str, Any] = {"video": VIDEO}
    return slot_commands.SubmitSlot(slot_id=slot_id, playtester_id=playtester_id, **(fields | more))


def block(slot_id: str, playtester_id: str = "ann") -> slot_commands.BlockSlot:
    return slot_commands.BlockSlot(
        slot_id=slot_id, playtester_id=playtester_id, reason_code="crash", notes="boom"
    )


def aggregate(body: Any, studio_id: str, game_id: str, command_id: str) -> str:
    """Whom a command is about, as the gateways choose it."""
    if isinstance(body, order_commands.OrderPlaytest):
        return names.order_aggregate(studio_id, names.order_id(command_id))
    if isinstance(
        body,
        account_commands.ChangePlaytester
        | account_commands.ForgetPlaytester
        | person_messages.ForgetPerson
        | account_commands.SendPayout
        | account_commands.FailPayout,
    ):
        return names.playtester_aggregate(studio_id, body.playtester_id)
    if isinstance(
        body,
        account_commands.AdjustAccount
        | account_commands.OpenPayment
        | account_commands.CompletePayment
        | account_commands.FailPayment,
    ):
        return names.account_aggregate(studio_id)
    if getattr(body, "batch_id", None) or hasattr(body, "definition"):
        return names.batch_aggregate(studio_id, game_id, getattr(body, "batch_id", ""))
    for kind, field in (("slot", "slot_id"), ("application", "application_id")):
        place = names.place_of(kind, getattr(body, field, ""))  # type: ignore[arg-type]
        if place is not None:
            return names.order_aggregate(studio_id, place[0])
    return names.order_aggregate(studio_id, getattr(body, "order_id", ""))


def only(kind: type[EventT], events: list[Message] | tuple[Message, ...]) -> EventT:
    """The one event of a kind."""
    (found,) = [event for event in events if isinstance(event, kind)]
    return found


def kinds(events: list[Message] | tuple[Message, ...]) -> list[str]:
    return [type(event).__name__ for event in events]


def record_of(requests: list[Request], *, keyed: bool = True) -> bytes:
    """One command record of requests."""
    commands = []
    for request in requests:
        body = COMMANDS.encode(request.command)
        commands.append(
            Command(
                command_id=request.command_id,
                type=request.command.WIRE,
                aggregate_id=request.aggregate_id,
                studio_id=request.studio_id,
                game_id=request.game_id,
                body=body,
                at_ms=request.at_ms,
                seed=request.seed,
                fingerprint=hashlib.sha256(body).digest(),
                keyed=keyed,
            )
        )
    return msgspec.msgpack.encode(
        CommandRecord(version=1, gateway_id="g1", record_id="r1", commands=commands)
    )
