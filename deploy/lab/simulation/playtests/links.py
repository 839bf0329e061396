"""S1's key batches without HTTP: the real pages of links, claims and operator's commands of two processes.

Each redemption is asked again with its key, through any of them, until its answer is definite; some are asked
twice at once, and both must get the same answer.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final

import msgspec

from deploy.lab.simulation.playtests.link_services import (
    SimulatedServices,
    ingest_key,
    simulated_request,
)
from deploy.lab.simulation.retries import until_known
from schemas.edge.errors import Refused
from schemas.edge.ports import StoreUnavailable
from schemas.edge.routes import Found
from schemas.identifiers import key_hash, keyed_command_id
from schemas.playtests.batch_routes import CLAIM, REDEEM, VALIDATE
from schemas.playtests.commands import COMMANDS
from schemas.playtests.names import batch_aggregate
from schemas.playtests.tokens import shown_share_token
from streams.asking import Asker, CommandRefused
from streams.gateway.pending_commands import CommandUnavailable
from streams.gateway.playtests.claims import Claims
from streams.gateway.playtests.redemptions import Redemptions
from streams.playtests.administration import Batch, PlaytestAdministration
from streams.playtests.operation import PlaytestOperation

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from deploy.lab.simulation.playtests.gateways import SimulatedDirectory
    from deploy.lab.simulation.playtests.secrets import Secrets
    from deploy.lab.simulation.stage import Stage
    from projections.playtests.queries import PlaytestQueries
    from schemas.codec import Message
    from schemas.playtests.batch_views import Invite, KeyState
    from schemas.playtests.ports import BatchRow

TWICE: Final = 0.3
"""Share of the redemptions that one person asks for in two hands at once."""
AGAIN: Final = 0.4
"""Share of the redemptions before which the last one is asked again."""
_UNKNOWN: Final = frozenset({500, 503})
_LINK_GONE: Final = frozenset({404})
"""A public link that was changed meanwhile is unknown."""


class Redemption(msgspec.Struct, frozen=True, kw_only=True):
    """What following a link came to."""

    game_id: str
    token: str
    key: str
    """The idempotency key."""
    handle: str
    email: str
    status: int
    told: dict[str, Any]

    @property
    def command_id(self) -> str:
        """The command that it became in the log."""
        return keyed_command_id(
            game_id=self.game_id,
            subject=key_hash(self.token),
            operation="redeem",
            idempotency_key=self.key,
        )


class SimulatedLinks:
    """Two gateways and an operator. `wrong` holds answers that differ for one key."""

    def __init__(
        self, stage: Stage, directory: SimulatedDirectory, reads: PlaytestQueries, secrets: Secrets
    ) -> None:
        self.wrong: list[str] = []
        self.reads = reads
        self._faults = faults = stage.faults
        self._secrets = secrets
        self._last: tuple[str, str, bytes, tuple[int, bytes], int] | None = None
        self._clients = [stage.client(f"links-{number}") for number in range(2)]
        self._services: Any = SimulatedServices(directory, faults.gateway_ms)
        self._studios = directory

    async def redeem(self, game_id: str, token: str, key: str, *, handle: str, email: str) -> Redemption:
        """Follow a link, until its answer is definite."""
        await self._ask_again()
        sent = msgspec.json.encode({"handle": handle, "email": email})
        hands = 2 if self._faults.dice.random() < TWICE else 1
        answers = await asyncio.gather(*(self._redeemed(token, key, sent) for _ in range(hands)))
        kept = [answer for answer in answers if answer[0] != 410]
        if len(set(kept)) > 1:
            self.wrong.append(f"a redemption under {key} is answered {kept}")
        status, text = kept[0] if kept else answers[0]
        if kept:
            self._last = token, key, sent, kept[0], self._faults.passed_ms
        return Redemption(
            game_id=game_id,
            token=token,
            key=key,
            handle=handle,
            email=email,
            status=status,
            told=msgspec.json.decode(text),
        )

    async def _ask_again(self) -> None:
        """Now and then the last redemption, whose answer must be the same while it is remembered for sure."""
        if self._last is None or self._faults.dice.random() >= AGAIN:
            return
        token, key, sent, told, answered_ms = self._last
        if answered_ms == self._faults.passed_ms:
            again = await self._redeemed(token, key, sent)
            if again != told and again[0] not in _LINK_GONE:
                self.wrong.append(f"a redemption under {key} is answered {told}, later {again}")

    async def _redeemed(self, token: str, key: str, sent: bytes) -> tuple[int, bytes]:
        async def ask() -> tuple[int, bytes]:
            page = Redemptions(
                self._services,
                self._client(),
                self.reads,
                self._secrets.sealer,
                randomness=self._faults.dice.randbytes,
                secure_cookie=False,
            )
            request = simulated_request("POST", sent, (b"idempotency-key", key.encode()))
            answer = await page(request, Found(REDEEM, {"token": token}))
            return answer.status, answer.body

        return await self._until_known(ask, f"a redemption under {key}")

    async def claim(self, game_id: str, token: str, device_id: str, *, link: bool = True) -> int:
        """Link a handle to a device, or take it back; the status."""
        body = {"claimToken": token, "gameId": game_id, "deviceId": device_id}

        async def ask() -> tuple[int, bytes]:
            randomness = self._faults.dice.randbytes
            claims = Claims(
                self._services, self._client(), self.reads, self._secrets.sealer, randomness=randomness
            )
            request = simulated_request("POST" if link else "DELETE", msgspec.json.encode(body))
            answer = await claims(request, Found(CLAIM, {}))
            return answer.status, answer.body

        return (await self._until_known(ask, f"a claim of {device_id}"))[0]

    async def is_valid(self, studio_id: str, game_id: str, code: str) -> bool:
        """What a game of a studio is told of a code."""
        body = msgspec.json.encode({"gameId": game_id, "code": code})
        authorization = b"Bearer " + ingest_key(studio_id).encode()

        async def ask() -> tuple[int, bytes]:
            randomness = self._faults.dice.randbytes
            door = Claims(
                self._services, self._client(), self.reads, self._secrets.sealer, randomness=randomness
            )
            answer = await door(
                simulated_request("POST", body, (b"authorization", authorization)), Found(VALIDATE, {})
            )
            return answer.status, answer.body

        status, text = await self._until_known(ask, f"whether {code} is valid")
        if status != 200:
            self.wrong.append(f"whether {code} is valid was answered {status}")
            return False
        valid: bool = msgspec.json.decode(text)["valid"]
        return valid

    async def ask(self, batch: tuple[str, str, str], command: Message) -> int:
        """What the effect of definitions or an operator asks of a batch: the status."""

        async def ask() -> tuple[int, bytes]:
            asker = Asker(
                self._client(),
                COMMANDS,
                clock_ms=self._faults.gateway_ms,
                randomness=self._faults.dice.randbytes,
            )
            aggregate_id = batch_aggregate(*batch)
            await asker.ask(command, aggregate_id=aggregate_id, studio_id=batch[0], game_id=batch[1])
            return 200, b""

        return (await self._until_known(ask, f"{command.WIRE} of {batch[2]}"))[0]

    async def operate(
        self, batch: tuple[str, str, str], act: Callable[[PlaytestAdministration, Batch], Awaitable[Any]]
    ) -> int:
        """One of the operator's commands about a batch, asked until it is known: the status."""
        reads: Any = self.reads
        objects: Any = None

        async def ask() -> tuple[int, bytes]:
            operator = PlaytestAdministration(
                self._client(),
                studios=self._studios,
                reads=reads,
                objects=objects,
                sealer=self._secrets.sealer,
                base_url="",
                clock_ms=self._faults.gateway_ms,
                randomness=self._faults.dice.randbytes,
            )
            await act(operator, await operator.batch(batch[1], batch[2]))
            return 200, b""

        return (await self._until_known(ask, f"an operator's command on {batch[2]}"))[0]

    async def operated(self, act: Callable[[PlaytestOperation], Awaitable[Any]]) -> int:
        """One of the operator's commands about money, trials or persons, asked until it is known: the status.

        It has no key: what was asked again may have happened twice.
        """
        reads: Any = self.reads

        async def ask() -> tuple[int, bytes]:
            await act(
                PlaytestOperation(
                    self._client(),
                    studios=self._studios,
                    reads=reads,
                    sealer=self._secrets.sealer,
                    clock_ms=self._faults.gateway_ms,
                    randomness=self._faults.dice.randbytes,
                )
            )
            return 200, b""

        return (await self._until_known(ask, "an operator's command"))[0]

    async def forget(self, studio_id: str, email: str) -> None:
        """Drop a person."""

        async def act(operation: PlaytestOperation) -> None:
            await operation.forget_email(await operation.studio(studio_id), email)

        await self.operated(act)

    async def batch(self, place: tuple[str, str, str]) -> BatchRow | None:
        """A batch as it is shown; None while the store is away."""
        with contextlib.suppress(StoreUnavailable):
            return await self.reads.batch(*place)
        return None

    async def invites(self, place: tuple[str, str, str]) -> list[Invite]:
        """Likewise."""
        with contextlib.suppress(StoreUnavailable):
            return await self.reads.batch_invites(*place)
        return []

    async def keys(self, place: tuple[str, str, str]) -> list[KeyState]:
        """Likewise."""
        with contextlib.suppress(StoreUnavailable):
            return await self.reads.batch_keys(*place)
        return []

    def shared(self, place: tuple[str, str, str], row: BatchRow) -> str | None:
        """The token of a batch's public link."""
        held = row.batch
        sealer = self._secrets.sealer
        return shown_share_token(sealer, batch_aggregate(*place), held.share_number, held.share_token_hash)

    def _client(self) -> Any:
        return self._faults.dice.choice(self._clients)

    async def _until_known(
        self, ask: Callable[[], Awaitable[tuple[int, bytes]]], what: str
    ) -> tuple[int, bytes]:
        async def once() -> tuple[int, bytes]:
            try:
                return await ask()
            except (Refused, CommandRefused) as refused:
                if refused.status in _UNKNOWN:
                    raise CommandUnavailable(str(refused)) from refused
                told = {"error": refused.code} if isinstance(refused, Refused) else {}
                return refused.status, msgspec.json.encode(told)

        return await until_known(once, what)
