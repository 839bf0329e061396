"""Simulated players: they ask with idempotency keys, again through any gateway, until they know."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Any, Final

import msgspec

from deploy.lab.simulation.liveops.game import DUEL, ENDLESS, GAME_ID, SPRINT, STUDIO_ID, events
from deploy.lab.simulation.retries import until_known
from schemas.envelope import Command, Outcome
from schemas.identifiers import keyed_command_id, random_command_id
from schemas.liveops import answers
from schemas.liveops import commands as ask
from schemas.liveops.definitions import ResolvedEvent
from schemas.liveops.names import event_aggregate, player_aggregate
from schemas.liveops.views import CrateRow, GrantEntry
from schemas.outcomes import REMEMBERED_REFUSALS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deploy.lab.simulation.faults import Faults
    from deploy.lab.simulation.liveops.gateways import SimulatedGateway
    from schemas.codec import Message

POLLS_MAX: Final = 20
"""How often a player asks for a lobby that is still forming."""
POLL_S: Final = 0.5


class SimulatedPlayer:
    """One player: what was asked, and every outcome that came for each key."""

    def __init__(self, external_id: str, gateways: Sequence[SimulatedGateway], faults: Faults) -> None:
        self.external_id = external_id
        self.aggregate_id = player_aggregate(GAME_ID, external_id)
        self.outcomes: dict[str, set[bytes]] = {}
        self.balance = 0
        """What the accepted operations give."""
        self.starts = 0
        self.contents: dict[str, set[str]] = {}
        self._gateways = gateways
        self._faults = faults
        self._events = events()
        self._count = 0

    async def play(self, operations: int) -> None:
        """So many operations, one after the other, some of them asked twice at once."""
        await self._ask(ask.RegisterPlayer(secret_hash="hash"))  # noqa: S106 - no password
        for _ in range(operations):
            choice = self._faults.dice.choice(
                (
                    self._credit,
                    self._debit,
                    self._grant,
                    self._crate,
                    self._run,
                    self._sprint,
                    self._duel,
                )
            )
            await choice()

    async def _credit(self) -> None:
        amount = self._faults.dice.randrange(1, 20)
        outcome = await self._ask(ask.CreditWallet(economy_key="gold", amount=amount))
        self.balance += amount if outcome.status == 200 else 0

    async def _debit(self) -> None:
        amount = self._faults.dice.randrange(1, 20)
        outcome = await self._ask(ask.DebitWallet(economy_key="gold", amount=amount))
        self.balance -= amount if outcome.status == 200 else 0

    async def _grant(self) -> None:
        grant = await self._given(self._faults.dice.randrange(1, 9), crate=False)
        await self._claim(grant.id, grant.entries)

    async def _crate(self) -> None:
        crate = await self._given(self._faults.dice.randrange(1, 9), crate=True)
        outcomes = await asyncio.gather(*(self._ask(ask.OpenCrate(grant_id=crate.id)) for _ in range(2)))
        opened = [msgspec.msgpack.decode(outcome.body, type=answers.OpenAnswer) for outcome in outcomes]
        self.contents.setdefault(crate.id, set()).update(
            f"{one.contents.id} {one.contents.entries}" for one in opened
        )
        await self._claim(opened[0].contents.id, opened[0].contents.entries)

    async def _run(self) -> None:
        self.starts += await self._attempt(self._events[ENDLESS])

    async def _sprint(self) -> None:
        await self._attempt(self._events[SPRINT])

    async def _duel(self) -> None:
        """Ask for a place until the lobby is active, then play in it."""
        event = self._events[DUEL]
        for _ in range(POLLS_MAX):
            window = event.window_at(self._faults.now_ms())
            if window is None:
                return
            place = await self._join(event, window.id)
            if place is None:
                return
            if place.lobby_status == "active":
                await self._attempt(event, window_id=window.id, lobby_id=place.lobby_id)
                return
            await asyncio.sleep(POLL_S)

    async def _join(self, event: ResolvedEvent, window_id: str) -> answers.JoinAnswer | None:
        join = ask.JoinEvent(
            event_key=event.definition.event_key, window_id=window_id, external_id=self.external_id
        )
        aggregate_id = event_aggregate(GAME_ID, event.definition.event_key, window_id)
        outcome = await self._until_known(join, "", aggregate_id)
        if outcome.status != 200:
            return None
        return msgspec.msgpack.decode(outcome.body, type=answers.JoinAnswer)

    async def _attempt(self, event: ResolvedEvent, *, window_id: str = "", lobby_id: str = "") -> int:
        """Start and report once; how many attempts began. Its window may be over at any step."""
        key = event.definition.event_key
        window = event.window_at(self._faults.now_ms())
        start = ask.StartAttempt(
            event_key=key, window_id=window_id or (window.id if window else ""), lobby_id=lobby_id
        )
        started = await self._ask(start)
        if started.status != 201:
            return 0
        attempt = msgspec.msgpack.decode(started.body, type=answers.StartAnswer).attempt
        report = ask.ReportProgress(
            event_key=key,
            attempt_id=attempt.id,
            mode="increment",
            metric_value=float(self._faults.dice.randrange(1, 8)),
        )
        outcome = await self._ask(report)
        if outcome.status == 200:
            progress = msgspec.msgpack.decode(outcome.body, type=answers.ProgressAnswer)
            for grant in progress.grants:
                await self._claim(grant.id, grant.entries)
        return 1

    async def _given(self, amount: int, *, crate: bool) -> Any:
        gold = [GrantEntry(type="currency", key="gold", quantity=amount)]
        more = [GrantEntry(type="currency", key="gold", quantity=amount + 50)]
        rows = [CrateRow(weight=1.0, entries=gold), CrateRow(weight=1.0, entries=more)]
        outcome = await self._ask(ask.GiveGrant(table=rows) if crate else ask.GiveGrant(entries=gold))
        return msgspec.msgpack.decode(outcome.body, type=answers.GrantAnswer).grant

    async def _claim(self, grant_id: str, entries: list[GrantEntry]) -> None:
        claims = (self._ask(ask.ClaimGrant(grant_id=grant_id)) for _ in range(2))
        outcomes = await asyncio.gather(*claims)
        if any(outcome.status == 200 for outcome in outcomes):
            self.balance += sum(entry.quantity for entry in entries)

    async def _ask(self, body: Message) -> Outcome:
        """Ask until it is known; sometimes by two clients at once, and once more at the end."""
        self._count += 1
        key = f"{self.external_id}-{self._count}"
        hands = 2 if self._faults.dice.random() < 0.3 else 1
        outcomes = await asyncio.gather(*(self._until_known(body, key) for _ in range(hands)))
        if self._faults.dice.random() < 0.2:
            outcomes.append(await self._until_known(body, key))
        self.outcomes.setdefault(key, set()).update(
            b"%d " % outcome.status + outcome.body
            for outcome in outcomes
            if outcome.status < 400 or outcome.status in REMEMBERED_REFUSALS  # others are asked anew
        )
        return outcomes[0]

    async def _until_known(self, body: Message, key: str, aggregate_id: str = "") -> Outcome:
        """The outcome, asked for through any gateway until one knows it; without a key, anew each time."""
        encoded = ask.COMMANDS.encode(body)

        async def once() -> Outcome:
            command = Command(
                command_id=self._command_id(body, key),
                type=body.WIRE,
                aggregate_id=aggregate_id or self.aggregate_id,
                studio_id=STUDIO_ID,
                game_id=GAME_ID,
                body=encoded,
                at_ms=self._faults.gateway_ms(),
                seed=self._faults.dice.randbytes(16),
                fingerprint=hashlib.sha256(encoded).digest(),
                keyed=bool(key),
            )
            return await self._faults.dice.choice(self._gateways).submit(command, body)

        return await until_known(once, f"{key or self.external_id} ({body.WIRE})")

    def _command_id(self, body: Message, key: str) -> str:
        if not key:
            return random_command_id(self._faults.dice.randbytes(16))
        return keyed_command_id(
            game_id=GAME_ID, subject=self.external_id, operation=body.WIRE, idempotency_key=key
        )
