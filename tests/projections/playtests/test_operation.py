"""The operator's commands against the real decider and what it projects into a real Redis."""

from __future__ import annotations

import hashlib
import itertools
from typing import TYPE_CHECKING

import msgspec
import pytest

from schemas.codec import Message
from schemas.edge.ports import Game, Studio
from schemas.envelope import Command, CommandRejected, Outcome
from schemas.playtests.answers import answer_to
from schemas.playtests.batch_commands import DefineBatch, SendInvites
from schemas.playtests.commands import COMMANDS
from schemas.playtests.secrets import email_fingerprints
from schemas.seal import Sealer
from streams.asking import CommandRefused
from streams.playtests.operation import PlaytestOperation
from tests.streams.deciders.playtests.given import AT_MS, GAME, PAYOUT, STUDIO
from tests.streams.deciders.playtests.test_batches import BATCH, definition, imported, invite

if TYPE_CHECKING:
    from tests.projections.playtests.support import Projected

pytestmark = pytest.mark.stack
SEALER = Sealer(b"a deployment's secret")


class Deciding:
    """Satisfies `Commands`: the real decider answers once its events are in Redis. And `StudioReads`."""

    def __init__(self, projected: Projected) -> None:
        self.projected = projected
        self.owner = Studio(id=STUDIO, slug="demo", name="Demo", plan="free", created_at_ms=0)

    async def studios(self) -> list[Studio]:
        return [self.owner]

    async def games(self, studio_id: str) -> list[Game]:
        raise NotImplementedError(studio_id)

    async def submit(
        self, command: Command, *, definition: bytes = b"", partition: int | None = None
    ) -> Outcome:
        assert (definition, partition, command.studio_id) == (b"", None, STUDIO)
        body: Message = COMMANDS.decode(command.type, command.body)
        verdict = self.projected.when(body)
        if isinstance(verdict, CommandRejected):
            status, answer = verdict.status, msgspec.msgpack.encode(verdict)
        else:
            status, told = answer_to(self.projected.given(body))
            answer = msgspec.msgpack.encode(told)
            await self.projected.apply()
        return Outcome(command_id=command.command_id, fingerprint=b"", status=status, body=answer)


def operation(projected: Projected) -> PlaytestOperation:
    numbers = itertools.count()
    commands = Deciding(projected)
    return PlaytestOperation(
        commands,
        studios=commands,
        reads=projected.queries,
        sealer=SEALER,
        clock_ms=lambda: projected.at_ms,
        randomness=lambda size: hashlib.sha256(str(next(numbers)).encode()).digest()[:size],
    )


async def test_credit_is_given_and_taken(projected: Projected) -> None:
    operator = operation(projected)
    studio = await operator.studio("demo")
    assert (await operator.studio(STUDIO)) == studio
    assert (await operator.credit(studio, 5000, "a gift")).balance_cents == 5000
    assert (await operator.credit(studio, -2000, "a mistake")).balance_cents == 3000
    assert await projected.queries.balance(STUDIO) == 3000
    with pytest.raises(CommandRefused, match="balance is too small"):
        await operator.credit(studio, -3001, "x")
    with pytest.raises(CommandRefused, match="no studio other"):
        await operator.studio("other")


async def test_payouts_are_told_and_come_back(projected: Projected) -> None:
    operator = operation(projected)
    studio = await operator.studio("demo")
    await operator.credit(studio, 100_000, "a gift")
    projected.accepted("ann")
    await projected.apply()
    assert await operator.owed(studio, 10) == [("ann", PAYOUT)]
    sent = await operator.sent(studio, "ann", PAYOUT, "bank 1")
    assert (sent.balance_cents, await operator.owed(studio, 10)) == (0, [])
    back = await operator.failed(studio, sent.payout.id, "closed account")
    assert (back.balance_cents, back.payout.status) == (PAYOUT, "failed")
    assert [one.status for one in await operator.payouts(studio, 10)] == ["failed"]
    with pytest.raises(CommandRefused, match="no payout nothing"):
        await operator.failed(studio, "nothing")


async def test_trials_are_approved_and_declined(projected: Projected) -> None:
    operator = operation(projected)
    declined = projected.trial(approved=False)
    await projected.apply()
    assert [row.order.id for row in await operator.trials(10)] == [declined]
    assert (await operator.decide_trial(declined, approve=False)).status == "cancelled"
    approved = projected.trial(approved=False)
    await projected.apply()
    assert (await operator.decide_trial(approved, approve=True)).trial == "approved"
    assert await operator.trials(10) == []
    with pytest.raises(CommandRefused, match="status forbids it"):
        await operator.decide_trial(approved, approve=True)
    with pytest.raises(CommandRefused, match="no playtest nothing"):
        await operator.decide_trial("nothing", approve=True)


async def test_persons_are_validated_and_forgotten(projected: Projected) -> None:
    operator = operation(projected)
    studio = await operator.studio("demo")
    assert (await operator.validate(studio, "ann", validated=True)).validated_at_ms == AT_MS
    assert (await operator.validate(studio, "ann", validated=False)).validated_at_ms is None
    await operator.forget(studio, "ann")
    await operator.forget(studio, "ann")
    with pytest.raises(CommandRefused, match="no such playtester"):
        await operator.forget(studio, "bob")
    email = "Ann@example.com"
    person = msgspec.structs.replace(
        invite(email), email_fingerprint=email_fingerprints(SEALER, STUDIO, email)[0]
    )
    projected.given(DefineBatch(definition=definition()))
    projected.given(imported("a"))
    projected.given(SendInvites(batch_id=BATCH, invites=[person]))
    await projected.apply()
    await operator.forget_email(studio, " ann@EXAMPLE.com ")
    (kept,) = await projected.queries.batch_invites(STUDIO, GAME, BATCH)
    assert (kept.email, kept.personal_note) == ("", None)
