"""What the operator does about playtests' money, trials and persons: `questlog playtests credit` and others.

Nothing is sent anywhere: a payout is told after it was made. Commands have no idempotency key: each call is
another movement.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Final, Protocol, TypeVar

import msgspec

from schemas.codec import Message
from schemas.edge.ports import Studio
from schemas.playtests import account_commands, names, order_commands
from schemas.playtests import commands as ask
from schemas.playtests.account_views import LedgerRow, Payout
from schemas.playtests.answers import AccountAnswer, OrderAnswer, PayoutAnswer, PlaytesterAnswer
from schemas.playtests.batch_commands import ForgetRecipient
from schemas.playtests.ports import OperatorReads, OrderRow, Place
from schemas.playtests.secrets import email_fingerprints
from schemas.playtests.views import Order, Playtester
from schemas.seal import Randomness, Sealer
from schemas.studio.unknown_studio import unknown_studio
from streams.asking import CommandBuilder, CommandRefused, Commands, succeeded_or_told
from streams.playtests.administration import StudioReads

PAGE_ROWS: Final = 500
AnswerT = TypeVar("AnswerT")


class PlaytestReads(OperatorReads, Protocol):
    """What is asked of playtests. Raises StoreUnavailable."""

    async def order(self, order_id: str) -> OrderRow | None:
        """An order."""
        ...


class PlaytestOperation:
    """Every method raises StoreUnavailable, and CommandRefused with a message for a person."""

    def __init__(
        self,
        commands: Commands,
        *,
        studios: StudioReads,
        reads: PlaytestReads,
        sealer: Sealer,
        clock_ms: Callable[[], int],
        randomness: Randomness,
        by: str = "",
    ) -> None:
        self._commands = commands
        self._studios = studios
        self._reads = reads
        self._sealer = sealer
        self._builder = CommandBuilder(ask.COMMANDS, clock_ms=clock_ms, randomness=randomness, by=by)

    async def studio(self, name: str) -> Studio:
        """A studio by its slug or id."""
        studios = await self._studios.studios()
        for one in studios:
            if name in {one.slug, one.id}:
                return one
        message = unknown_studio(name, [one.slug for one in studios])
        raise CommandRefused(message, status=404, code="refused")

    async def credit(self, studio: Studio, amount_cents: int, reason: str) -> LedgerRow:
        """Give credit, or take it where the amount is negative; the ledger's row."""
        body = account_commands.AdjustAccount(amount_cents=amount_cents, reason=reason)
        aggregate_id = names.account_aggregate(studio.id)
        return (await self._ask(body, aggregate_id, studio.id, AccountAnswer)).movement

    async def owed(self, studio: Studio, limit: int) -> list[tuple[str, int]]:
        """Playtesters with a balance to be paid out, and that in cents, the smallest first."""
        return await self._reads.owed(studio.id, limit)

    async def payouts(self, studio: Studio, limit: int) -> list[Payout]:
        """What was sent, the newest first."""
        return await self._reads.payouts(studio.id, limit=limit)

    async def sent(
        self, studio: Studio, playtester_id: str, amount_cents: int, external_id: str | None = None
    ) -> PayoutAnswer:
        """Money was sent to a playtester: it leaves their balance."""
        body = account_commands.SendPayout(
            playtester_id=playtester_id, amount_cents=amount_cents, external_id=external_id
        )
        return await self._ask_of(body, studio.id, playtester_id, PayoutAnswer)

    async def failed(self, studio: Studio, payout_id: str, reason: str | None = None) -> PayoutAnswer:
        """A payout came back: the balance has it again."""
        async for payout in self._all_payouts(studio):
            if payout.id == payout_id:
                body = account_commands.FailPayout(
                    playtester_id=payout.playtester_id, payout_id=payout_id, reason=reason
                )
                return await self._ask_of(body, studio.id, payout.playtester_id, PayoutAnswer)
        raise CommandRefused(f"{studio.slug} has no payout {payout_id}", status=404, code="refused")

    async def trials(self, limit: int) -> list[OrderRow]:
        """Free trials of all studios that wait for their approval, the newest first."""
        return await self._reads.trials(limit=limit)

    async def decide_trial(self, order_id: str, *, approve: bool) -> Order:
        """Let a free trial be offered, or cancel it and give it back to its game."""
        row = await self._reads.order(order_id)
        if row is None:
            raise CommandRefused(f"there is no playtest {order_id}", status=404, code="refused")
        studio_id = row.order.studio_id
        kind = order_commands.ApproveTrial if approve else order_commands.DeclineTrial
        aggregate_id = names.order_aggregate(studio_id, order_id)
        return (await self._ask(kind(order_id=order_id), aggregate_id, studio_id, OrderAnswer)).order

    async def validate(self, studio: Studio, playtester_id: str, *, validated: bool) -> Playtester:
        """Vouch for a playtester, or no longer."""
        body = account_commands.ChangePlaytester(playtester_id=playtester_id, validated=validated)
        return (await self._ask_of(body, studio.id, playtester_id, PlaytesterAnswer)).playtester

    async def forget(self, studio: Studio, playtester_id: str) -> None:
        """Drop a playtester from every store; ids and money stay. Again: nothing."""
        body = account_commands.ForgetPlaytester(playtester_id=playtester_id)
        await self._submit(body, names.playtester_aggregate(studio.id, playtester_id), studio.id)

    async def forget_email(self, studio: Studio, email: str) -> None:
        """Drop the person with an e-mail address from a studio's batches: invites and redeemed keys."""
        prints = email_fingerprints(self._sealer, studio.id, email)
        body = ForgetRecipient(email_fingerprints=list(prints))
        await self._submit(body, names.account_aggregate(studio.id), studio.id)

    async def _all_payouts(self, studio: Studio) -> AsyncIterator[Payout]:
        before: Place | None = None
        while some := await self._reads.payouts(studio.id, limit=PAGE_ROWS, before=before):
            for payout in some:
                yield payout
            before = Place(some[-1].sent_at_ms, some[-1].id)

    async def _ask_of(
        self, body: Message, studio_id: str, playtester_id: str, kind: type[AnswerT]
    ) -> AnswerT:
        return await self._ask(body, names.playtester_aggregate(studio_id, playtester_id), studio_id, kind)

    async def _ask(self, body: Message, aggregate_id: str, studio_id: str, kind: type[AnswerT]) -> AnswerT:
        return msgspec.msgpack.decode(await self._submit(body, aggregate_id, studio_id), type=kind)

    async def _submit(self, body: Message, aggregate_id: str, studio_id: str) -> bytes:
        """The outcome's body."""
        command = self._builder.build(body, aggregate_id=aggregate_id, studio_id=studio_id)
        return (await succeeded_or_told(self._commands, command)).body
