"""S2 without HTTP: the real write handlers of two gateways, asked as the drill's clients ask over HTTP.

Each write is asked again with its key, through any gateway, until its answer is definite; some are asked
twice at once, and both must get the same answer.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import msgspec

from deploy.lab.drill.playtests_clients import RECORDING, Answered
from deploy.lab.simulation.retries import until_known
from deploy.no_ledgers import NoLedgers
from projections.playtests.queries import PlaytestQueries
from schemas.edge.errors import Refused
from schemas.edge.ports import Game, Limits, StoreUnavailable, Studio
from schemas.playtests import json as shapes
from schemas.playtests.access import Caller
from schemas.playtests.requests import not_found
from schemas.playtests.route_parts import operation
from schemas.playtests.routes import find_write
from schemas.playtests.validation import read_body
from streams.gateway.pending_commands import CommandConflict, CommandUnavailable
from streams.gateway.playtests.asking import Asking
from streams.gateway.playtests.handlers import Handlers
from streams.gateway.playtests.write import Stores, Write
from streams.gateway.playtests.write_commands import operation_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deploy.lab.drill.playtests_clients import Caller as Client
    from deploy.lab.drill.playtests_world import Side
    from deploy.lab.simulation.playtests.objects import SimulatedObjects
    from deploy.lab.simulation.playtests.secrets import Secrets
    from deploy.lab.simulation.stage import Stage
    from schemas.edge.routes import Found

TWICE: Final = 0.2
"""Share of the writes that two clients ask at once."""
AGAIN: Final = 0.2
"""Share of the writes before which the last one is asked again."""
_PROVIDER: Final = Caller("")
_SLOTS: Final = "/slots?limit=100"


class SimulatedDirectory:
    """The studios and games of a seed; keys are not asked for."""

    def __init__(self, sides: Mapping[str, Side]) -> None:
        self._sides = sides

    async def studio(self, studio_id: str) -> Studio | None:
        """One that is there, with the default prices."""
        return Studio(id=studio_id, slug=studio_id, name=studio_id, plan="studio", created_at_ms=0)

    def game_id(self, studio_id: str, name: str) -> str:
        """A game by slug or id. Raises `Refused` (404)."""
        games = self._sides[studio_id].games
        if name not in games and name not in games.values():
            raise not_found()
        return games.get(name, name)

    async def studios(self) -> list[Studio]:
        """All."""
        found = [await self.studio(studio_id) for studio_id in self._sides]
        return [one for one in found if one is not None]

    async def games(self, studio_id: str) -> list[Game]:
        """A studio's."""
        return [
            Game(id=game_id, studio_id=studio_id, slug=slug, name=slug, created_at_ms=0, limits=Limits())
            for slug, game_id in self._sides[studio_id].games.items()
        ]

    async def game_by_slug(self, studio_id: str, slug: str) -> Game | None:
        """A studio's game by slug."""
        return next((one for one in await self.games(studio_id) if one.slug == slug), None)

    async def game(self, game_id: str) -> Game | None:
        """A game by id."""
        for studio_id in self._sides:
            for game in await self.games(studio_id):
                if game.id == game_id:
                    return game
        return None


class FirstAnswers:
    """Answers that no command gives, kept for as long as the seed."""

    def __init__(self) -> None:
        self._held: dict[str, bytes] = {}

    async def known(self, command_id: str) -> bytes | None:
        """What was answered first."""
        return self._held.get(command_id)

    async def first(self, command_id: str, answer: bytes) -> bytes:
        """What was answered first: this, unless there is another."""
        return self._held.setdefault(command_id, answer)


class SimulatedS2:
    """Implements `Speaker` of the drill's clients. `wrong` holds answers that differ for one key."""

    def __init__(
        self, stage: Stage, objects: SimulatedObjects, directory: SimulatedDirectory, secrets: Secrets
    ) -> None:
        self.wrong: list[str] = []
        self._faults = stage.faults
        self._objects = objects
        self._directory = directory
        client: Any = stage.redis
        self.reads = PlaytestQueries(client, NoLedgers())
        self._clients = [stage.client(f"gateway-{number}") for number in range(2)]
        self._first_answers = FirstAnswers()
        self._last: Answered | None = None
        self._answered_ms = 0
        self.secrets = secrets

    def _gateway(self) -> tuple[Asking, Handlers]:
        """Any of two, as it is under the secrets of now."""
        faults, sealer = self._faults, self.secrets.sealer
        store: Any = self._objects
        directory: Any = self._directory
        asking = Asking(
            faults.dice.choice(self._clients),
            sealer,
            clock_ms=faults.gateway_ms,
            randomness=faults.dice.randbytes,
        )
        stores = Stores(reads=self.reads, first_answers=self._first_answers, objects=store, sealer=sealer)
        handlers = Handlers(
            asking,
            directory,
            stores,
            now_ms=faults.gateway_ms,
            randomness=faults.dice.randbytes,
            transcribes=True,
        )
        return asking, handlers

    def now_s(self) -> float:
        """Virtual seconds; nights do not count."""
        return asyncio.get_running_loop().time()

    async def write(
        self,
        caller: Client,
        path: str,
        key: str,
        *,
        operation: str,
        ids: tuple[str, ...] = (),
        body: dict[str, Any] | None = None,
        method: str = "POST",
    ) -> Answered:
        """Ask until the answer is definite, sometimes by two clients at once."""
        await self._ask_again()
        who, sent = Caller(caller.studio_id, caller.playtester_id), msgspec.json.encode(body or {})
        invoked_s = self.now_s()
        hands = 2 if self._faults.dice.random() < TWICE else 1
        told = await asyncio.gather(*(self._until_known(who, path, key, sent) for _ in range(hands)))
        answers = [
            Answered(
                caller=caller,
                operation=operation,
                ids=ids,
                method=method,
                path=path,
                key=key,
                body=body or {},
                status=status,
                text=text,
                invoked_s=invoked_s,
                returned_s=self.now_s(),
            )
            for status, text in told
        ]
        if len({(answer.status, answer.shown) for answer in answers if _is_kept(answer)}) > 1:
            self.wrong.append(f"{operation} {path} {key}: {[answer.shown for answer in answers]}")
        answer = next((answer for answer in answers if _is_kept(answer)), answers[0])
        if _is_kept(answer):
            self._last, self._answered_ms = answer, self._faults.passed_ms
        return answer

    async def _ask_again(self) -> None:
        """Now and then the last write, whose answer must be the same while it is remembered for sure."""
        last = self._last
        if last is None or self._answered_ms != self._faults.passed_ms or self._faults.dice.random() >= AGAIN:
            return
        who = Caller(last.caller.studio_id, last.caller.playtester_id)
        status, text = await self._until_known(who, last.path, last.key, msgspec.json.encode(last.body))
        again = msgspec.structs.replace(last, status=status, text=text)
        if (again.status, again.shown) != (last.status, last.shown):
            self.wrong.append(
                f"{last.operation} {last.path} {last.key}: {last.shown!r}, later {again.shown!r}"
            )

    async def provider_event(self, event: Mapping[str, Any]) -> tuple[int, bytes]:
        """What the payment provider's adapter posts: without a key, so a retry is another command."""
        return await self._until_known(_PROVIDER, "/billing/provider-events", "", msgspec.json.encode(event))

    async def get(self, caller: Client, path: str) -> tuple[int, Any, float]:
        """A slot, an order, or an order's slots: what the drill's moves look at of them."""
        del caller
        invoked_s = self.now_s()
        identifier = path.removesuffix(_SLOTS).rpartition("/")[2]
        try:
            if path.endswith(_SLOTS):
                _, slots = await self.reads.order_and_slots(identifier, limit=100)
                return 200, {"slots": [_shown(slot) for slot in slots]}, invoked_s
            if path.startswith("/playtests/slots/"):
                slot = await self.reads.slot(identifier)
                return (404, None, invoked_s) if slot is None else (200, {"slot": _shown(slot)}, invoked_s)
            row = await self.reads.order(identifier)
        except StoreUnavailable:
            return 503, None, invoked_s
        if row is None:
            return 404, None, invoked_s
        return 200, {"playtest": {"status": row.order.status}}, invoked_s

    async def upload(self, caller: Client, slot_id: str, key: str) -> str | None:
        """Upload a recording; its id. None where the slot takes none any more."""
        who, path = Caller(caller.studio_id, caller.playtester_id), f"/playtests/slots/{slot_id}/upload-url"
        sent = msgspec.json.encode({"size": len(RECORDING), "contentType": "video/mp4"})
        status, text = await self._until_known(who, path, key, sent)
        if status != 200:
            return None
        offered = msgspec.json.decode(text)["data"]

        async def put() -> None:
            await self._objects.put(offered["uploadUrl"], RECORDING)

        await until_known(put, f"the upload to {slot_id}")
        upload_id: str = offered["uploadId"]
        return upload_id

    async def _until_known(self, caller: Caller, path: str, key: str, body: bytes) -> tuple[int, bytes]:
        found = find_write({"path": f"/api/v1{path}"})
        if found is None:
            raise LookupError(f"{path} is no write")

        async def once() -> tuple[int, bytes]:
            asking, handlers = self._gateway()
            try:
                shown = await handlers(await self._asked(asking, found, caller, key, body))
                return shown[0], shapes.enveloped(shown[1], shapes.about("", 0))
            except Refused as refused:
                if refused.status == 503:
                    raise CommandUnavailable(refused.message) from refused
                return refused.status, shapes.refused(refused, "", 0)
            except CommandConflict as conflict:
                return 422, str(conflict).encode()

        return await until_known(once, f"{path} {key}")

    async def _asked(self, asking: Asking, found: Found, caller: Caller, key: str, body: bytes) -> Write:
        kind: Any = found.route.body.kinds[0] if found.route.body is not None else None
        fields = read_body(kind, body, {})
        if caller is _PROVIDER:
            payment = await self.reads.payment(fields.payment_id)
            if payment is None:
                raise not_found()
            caller = Caller(payment.studio_id)
        path = found.names
        if "gameId" in path:
            path = {"gameId": self._directory.game_id(caller.studio_id, path["gameId"])}
        asked = asking.asked(caller, operation_of(operation(found.route), path), key, fields)
        return Write(asked=asked, route=found.route, path=path, body=fields)


def _is_kept(answer: Answered) -> bool:
    """Whether a retry must get the same. A claim may be refused from the store, which no log remembers."""
    return answer.status != 402 and answer.reason != "no_open_slot"


def _shown(slot: Any) -> dict[str, Any]:
    playtester = None if slot.playtester_id is None else {"id": slot.playtester_id}
    return {"id": slot.id, "status": slot.status, "playtester": playtester}
