"""What each of S2's writes asks, and what it answers: the status, and `data` encoded."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from msgspec import UNSET

from schemas.codec import Message
from schemas.edge.ports import Directory, StoreUnavailable
from schemas.edge.routes import Route
from schemas.envelope import Outcome
from schemas.identifiers import random_command_id
from schemas.playtests import account_commands, bodies, names, order_commands, responses, slot_commands
from schemas.playtests import json as shapes
from schemas.playtests.account_views import PaymentStatus
from schemas.playtests.offers import exists_for
from schemas.playtests.ports import OrderRow
from schemas.playtests.requests import not_found, path_id
from schemas.playtests.secrets import OrderSecrets
from schemas.seal import Randomness
from schemas.shared_tasks import SharedTasks
from streams.gateway.playtests.asking import Asking
from streams.gateway.playtests.responses import Responses, raise_refusal
from streams.gateway.playtests.uploads import Uploads
from streams.gateway.playtests.write import Answered, Stores, Write, conflict
from streams.gateway.playtests.write_commands import aggregate_of, command_of

_encode: Final = msgspec.json.Encoder().encode


class Handlers:
    """Answers every write of S2. Raises `Refused`, and as the command client and the stores do."""

    def __init__(
        self,
        asking: Asking,
        directory: Directory,
        stores: Stores,
        *,
        now_ms: Callable[[], int],
        randomness: Randomness,
        transcribes: bool,
    ) -> None:
        self._asking = asking
        self._directory = directory
        self._reads = stores.reads
        self._sealer = stores.sealer
        self._uploads = Uploads(asking, stores, now_ms=now_ms, transcribes=transcribes)
        self._randomness = randomness
        self._responses = Responses(stores.sealer)
        self._looking = SharedTasks[str, OrderRow | None]()
        self._special: dict[str, Callable[[Write], Awaitable[Answered]]] = {
            "order": self._order,
            "change": self._change,
            "claim": self._claim,
            "apply": self._apply,
            "change_me": self._change_me,
            "upload_url": self._uploads.offer,
            "submit": self._submit,
            "provider_event": self._provider_event,
        }

    async def __call__(self, write: Write) -> Answered:
        """Status and data of a success."""
        special = self._special.get(write.route.name)
        if special is not None:
            return await special(write)
        kind = _command(write.route)
        return await self._asked(write, command_of(kind, write.path, write.body, write.asked.caller))

    async def _asked(self, write: Write, command: Any, *, game_id: str = "", about: str = "") -> Answered:
        aggregate_id = about or aggregate_of(write.studio_id, write.path, write.playtester_id)
        outcome = await self._asking.ask(write.asked, command, aggregate_id, game_id=game_id)
        return self._shown(write, outcome)

    def _shown(self, write: Write, outcome: Outcome) -> Answered:
        raise_refusal(outcome)
        data = self._responses.of(_command(write.route), outcome)
        return outcome.status, b"" if data is None else _encode(data)

    async def _order(self, write: Write) -> Answered:
        body: bodies.OrderBody = write.body
        studio = await self._directory.studio(write.studio_id)
        if studio is None:
            raise StoreUnavailable("the key's studio is not known yet")
        minutes, players, pricing = body.chosen_minutes, body.player_count, studio.pricing
        free = body.is_free_public_trial
        order_id = names.order_id(random_command_id(self._randomness(16)))
        command = order_commands.OrderPlaytest(
            visibility=body.chosen_visibility,
            quantity=body.quantity,
            duration_minutes=minutes,
            player_count=players,
            cost_per_slot_cents=0 if free else pricing.cost_cents(minutes, players),
            payout_cents=0 if free else pricing.payout_cents(minutes, players),
            notes_for_testers=body.notes_for_testers,
            keys=self._sealed(write, order_id, body.keys_for_testers or []),
            is_free_public_trial=free,
            targeting_type=body.targeting_type,
            past_playtester_scope=body.past_playtester_scope,
            targeted_playtester_id=body.targeted_playtester_id,
            selection_mode=body.selection_mode,
            qualifications=body.qualifications,
            pay_from_credit=body.pay_from_credit,
            order_id=order_id,
        )
        about = names.order_aggregate(write.studio_id, order_id)
        return await self._asked(write, command, game_id=write.path["gameId"], about=about)

    def _sealed(self, write: Write, order_id: str, keys: list[str]) -> list[order_commands.SealedKey]:
        secrets = OrderSecrets(self._sealer, write.studio_id, order_id)
        return secrets.seal_keys(keys, self._randomness) if keys else []

    async def _change(self, write: Write) -> Answered:
        body: bodies.ChangeBody = write.body
        order_id = path_id(write.path["playtestId"])
        keys = [] if body.keys_for_testers is UNSET else body.keys_for_testers
        command = order_commands.ChangePlaytest(
            order_id=order_id,
            notes_for_testers=body.notes_for_testers,
            keys=self._sealed(write, order_id, keys),
            old_fingerprints=OrderSecrets(self._sealer, write.studio_id, order_id).old_fingerprints(keys),
        )
        status, data = await self._asked(write, command)
        if data:
            return status, data
        row = await self._reads.order(order_id)  # nothing changed: it is shown as it is
        if row is None or row.order.studio_id != write.studio_id:
            raise not_found()
        return status, _encode(responses.OnePlaytest(playtest=shapes.playtest(row)))

    async def _claim(self, write: Write) -> Answered:
        """A claim is refused here while the store shows no open slot; only the decider gives one.

        Who has had a slot of the order is told that: by the decider, as while one is open.
        """
        order_id = path_id(write.path["playtestId"])
        outcome = await self._asking.stored(write.asked)
        if outcome is not None:
            return self._shown(write, outcome)
        row = await self._order_now(order_id)
        if (
            row is not None
            and exists_for(row.order, write.studio_id, write.playtester_id)
            and row.order.selection_mode == "automatic"
            and row.order.status == "active"
            and not row.slots.get("open")
            and not await self._reads.joined(write.studio_id, write.playtester_id, [order_id])
        ):
            raise conflict("no_open_slot")
        return await self._asked(
            write, slot_commands.ClaimSlot(order_id=order_id, playtester_id=write.playtester_id)
        )

    async def _order_now(self, order_id: str) -> OrderRow | None:
        """The order, read after this call: calls of one turn of the event loop share one read."""
        return await self._looking.get(order_id, lambda: self._look(order_id))

    async def _look(self, order_id: str) -> OrderRow | None:
        self._looking.forget(order_id)  # a later call reads again
        return await self._reads.order(order_id)

    async def _apply(self, write: Write) -> Answered:
        body: bodies.ApplyBody = write.body
        order_id = path_id(write.path["playtestId"])
        secrets = OrderSecrets(self._sealer, write.studio_id, order_id)
        command = order_commands.MakeApplication(
            order_id=order_id,
            playtester_id=write.playtester_id,
            qualifications_response=secrets.seal_response(body.qualifications_response, self._randomness),
        )
        return await self._asked(write, command)

    async def _change_me(self, write: Write) -> Answered:
        status, data = await self._asked(
            write, command_of(account_commands.ChangePlaytester, write.path, write.body, write.asked.caller)
        )
        if data:
            return status, data
        found = await self._reads.playtesters(write.studio_id, [write.playtester_id])
        known = found.get(write.playtester_id) or shapes.unknown_playtester(
            write.playtester_id, write.studio_id
        )
        return status, _encode(shapes.profile(known))

    async def _submit(self, write: Write) -> Answered:
        return await self._asked(write, await self._uploads.submission(write))

    async def _provider_event(self, write: Write) -> Answered:
        body: bodies.ProviderEventBody = write.body
        kind = (
            account_commands.CompletePayment
            if body.type == "payment.completed"
            else account_commands.FailPayment
        )
        command = kind(
            payment_id=body.payment_id, amount_cents=body.amount_cents, external_id=body.external_id
        )
        outcome = await self._asking.ask(write.asked, command, names.account_aggregate(write.studio_id))
        raise_refusal(outcome)
        status: PaymentStatus = "completed" if kind is account_commands.CompletePayment else "failed"
        return 200, _encode(responses.PaymentEnded(payment_id=body.payment_id, status=status))


def _command(route: Route) -> type[Message]:
    if route.command is None or not issubclass(route.command, Message):
        raise TypeError(f"{route.name} asks no decider")
    return route.command
