"""`questlog bench playtests`: S2 as its clients call it, on a studio of its own that has many keys.

Playtesters make 120 calls a minute, a studio's key 1,200: loads are spread over as many keys as they need.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import msgspec

from deploy.cli import running_stack
from deploy.lab.bench.calls import CallOrder, Target, check_calls
from deploy.lab.bench.ingest import load
from deploy.lab.bench.liveops import Figures, figures_of
from deploy.lab.bench.load import OrderRefusedError, Result, percentile
from deploy.lab.bench.playtests_calls import bearer, claim, claim_key, credit, post, write
from deploy.lab.bench.processes import cpu_seconds, difference, parts
from deploy.lab.bench.redemptions import Redeemed, make_batch, redeemed, redemptions
from deploy.lab.drill.playtests_world import GAMES, make_sides

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from deploy.lab.drill.playtests_clients import Caller
    from deploy.lab.drill.playtests_world import Side

_GENERATOR: Final = "deploy.lab.bench.calls"
OWNER_KEYS: Final = 200
SETUP_CONNECTIONS: Final = 64
SLOTS_PER_ORDER: Final = 100
LOAD_SECONDS: Final = 300.0
CREDIT_CENTS: Final = 10**12
RECORDING: Final = b"a short recording"


class BigDecision(msgspec.Struct, frozen=True, kw_only=True):
    """How long one big decision took, and what other commands of its partition met meanwhile."""

    applications: int
    answered_ms: float
    others: int
    others_p99_ms: float
    others_max_ms: float


class PlaytestsBench:
    """One run against the stack of a home."""

    def __init__(self, home: Path, base_url: str, tell: Callable[[str], None]) -> None:
        self._home = home
        self._base_url = base_url
        self._configured = running_stack.of_home(home)
        self._tell = tell
        self._side: Side | None = None

    @property
    def side(self) -> Side:
        """The studio. Raises OrderRefusedError before `open`."""
        if self._side is None:
            raise OrderRefusedError("there is no studio yet")
        return self._side

    async def open(self, panel: int) -> None:
        """A studio with so many playtesters and credit for everything."""
        self._tell(f"a studio gets {OWNER_KEYS} keys and {panel:,} playtesters…")
        run = f"bench-{time.time_ns() // 1_000_000:x}"
        (self._side,) = await make_sides(self._configured, run, studios=1, owners=OWNER_KEYS, panel=panel)
        await credit(self._configured, self._side.studio_id, CREDIT_CENTS)

    async def orders(self, slots: int, **fields: Any) -> list[tuple[str, list[str]]]:
        """Paid orders with so many slots in all: the id of each, and those of its slots."""
        quantities = [SLOTS_PER_ORDER] * (slots // SLOTS_PER_ORDER)
        quantities += [slots % SLOTS_PER_ORDER] if slots % SLOTS_PER_ORDER else []

        async def one(session: aiohttp.ClientSession, quantity: int) -> tuple[str, list[str]]:
            body = {"quantity": quantity, "payFromCredit": True, **fields}
            path = f"/api/v1/games/{GAMES[0]}/playtests"
            data = await post(session, path, self.side.owner, body)
            return data["playtest"]["id"], [slot["id"] for slot in data["slots"]]

        return await self._each(one, quantities)

    async def claim_one(self, claims: int, connections: int) -> Figures:
        """So many playtesters claim one slot. 409s count as answers; one claim is 201."""
        ((order_id, _),) = await self.orders(1)
        targets = [claim(order_id, who) for who in self.side.panel[:claims]]
        return await self._once("claims of one slot", targets, connections)

    async def claims(self, slots: int, connections: int) -> tuple[Figures, list[tuple[str, Caller]]]:
        """Every slot of new orders is claimed, each by another playtester; the slots, and whose they are."""
        made = await self.orders(slots)
        panel, taken = self.side.panel, []
        targets = []
        for number, (order_id, own) in enumerate(made):
            for place, _ in enumerate(own):
                who = panel[(number * SLOTS_PER_ORDER + place) % len(panel)]
                targets.append(claim(order_id, who))
                taken.append((order_id, who))
        figures = await self._once("claim", targets, connections)
        return figures, taken

    async def claims_and_accepts(self, slots: int, connections: Sequence[int]) -> list[Figures]:
        """Claims, and acceptances of what was handed in for them, by the number of connections."""
        found = []
        for count in connections:
            figures, taken = await self.claims(slots, count)
            found += [figures, await self.accepts(await self.submit(taken), count)]
        return found

    async def submit(self, taken: Sequence[tuple[str, Caller]]) -> list[str]:
        """Hand a recording in for each of the claims; the slots."""
        self._tell(f"{len(taken):,} recordings are uploaded and handed in…")

        async def one(session: aiohttp.ClientSession, held: tuple[str, Caller]) -> str:
            order_id, who = held
            slot_id = (
                await post(session, f"/api/v1/playtests/{order_id}/claim", who, key=claim_key(order_id, who))
            )["slot"]["id"]
            path = f"/api/v1/playtests/slots/{slot_id}"
            body = {"size": len(RECORDING), "contentType": "video/mp4"}
            offered = await post(session, f"{path}/upload-url", who, body)
            async with session.put(offered["uploadUrl"], data=RECORDING) as answer:
                if answer.status != 201:
                    raise OrderRefusedError(f"PUT: {answer.status} {await answer.text()}")
            await post(session, f"{path}/submit", who, {"uploadId": offered["uploadId"]})
            return str(slot_id)

        return await self._each(one, taken)

    async def accepts(self, slots: Iterable[str], connections: int) -> Figures:
        """Every one of these submissions is accepted."""
        targets = [
            write(f"/api/v1/playtests/slots/{slot}/accept", self.side.owner, uuid.uuid4().hex)
            for slot in slots
        ]
        return await self._once("accept", targets, connections)

    async def redemptions(self, keys: int, connections: int) -> tuple[Figures, Redeemed]:
        """Every key of a new public batch is redeemed by another person, all by one link."""
        self._tell(f"{keys:,} keys are minted…")
        slug = f"redeem-{time.time_ns() // 1_000_000:x}"
        path = await make_batch(self._configured, slug, keys)
        figures = await self._once("redeem", redemptions(path, keys), connections)
        return figures, await redeemed(self._configured, slug)

    async def pages(self, slots: int, seconds: float, connections: int) -> list[Figures]:
        """Pages of 100 slots and of 100 submissions of a studio with so many slots more."""
        self._tell(f"{slots:,} slots are ordered…")
        made = await self.orders(slots)
        owners = [self.side.owner for _ in range(OWNER_KEYS)]
        listed = [
            Target(f"/api/v1/playtests/{made[number % len(made)][0]}/slots?limit=100", bearer(owner))
            for number, owner in enumerate(owners)
        ]
        path = "/api/v1/playtests/submissions?status=open&limit=100"
        submissions = [Target(path, bearer(owner)) for owner in owners]
        return [
            await self._for("slots page", listed, seconds, connections),
            await self._for("submissions page", submissions, seconds, connections),
        ]

    async def auto_reject(self, applications: int) -> BigDecision:
        """The last slot of a full pool is filled while others claim slots of the same studio."""
        ((order_id, _),) = await self.orders(1, selectionMode="manual")
        body = '{"qualificationsResponse":"I have a headset."}'
        targets = [
            write(f"/api/v1/playtests/{order_id}/apply", who, uuid.uuid4().hex, body)
            for who in self.side.panel[:applications]
        ]
        await self._once("apply", targets, SETUP_CONNECTIONS)
        made = await self.orders(3_000)
        others = [
            claim(one, self.side.panel[(number * SLOTS_PER_ORDER + place) % len(self.side.panel)])
            for number, (one, own) in enumerate(made)
            for place, _ in enumerate(own)
        ]
        async with aiohttp.ClientSession(self._base_url) as session:
            path = f"/api/v1/playtests/{order_id}/applications?limit=1"
            headers = {"authorization": f"Bearer {self.side.owner.key}"}
            async with session.get(path, headers=headers) as answer:
                pool = (await answer.json())["data"]["applications"]
            loading = asyncio.create_task(self._load(others, LOAD_SECONDS, 16, once=True))
            await asyncio.sleep(1.5)  # the load's process starts, and is under way
            begun = time.perf_counter()
            await post(session, f"/api/v1/playtest-applications/{pool[0]['id']}/approve", self.side.owner)
            answered_ms = (time.perf_counter() - begun) * 1000
            result = await loading
        return BigDecision(
            applications=applications,
            answered_ms=answered_ms,
            others=result.requests,
            others_p99_ms=percentile(result.latencies_ms, 0.99),
            others_max_ms=result.latencies_ms[-1] if result.latencies_ms else 0.0,
        )

    async def _each(self, one: Callable[..., Any], items: Sequence[Any]) -> list[Any]:
        room = asyncio.Semaphore(SETUP_CONNECTIONS)
        connector = aiohttp.TCPConnector(limit=SETUP_CONNECTIONS)
        async with aiohttp.ClientSession(self._base_url, connector=connector) as session:

            async def bounded(item: Any) -> Any:
                async with room:
                    return await one(session, item)

            return await asyncio.gather(*(bounded(item) for item in items))

    async def _once(self, name: str, targets: list[Target], connections: int) -> Figures:
        """Every target once."""
        return await self._measured(name, targets, LOAD_SECONDS, connections, once=True)

    async def _for(self, name: str, targets: list[Target], seconds: float, connections: int) -> Figures:
        return await self._measured(name, targets, seconds, connections, once=False)

    async def _measured(
        self, name: str, targets: list[Target], seconds: float, connections: int, *, once: bool
    ) -> Figures:
        self._tell(f"{name}: {connections} connections…")
        before = cpu_seconds(parts(self._home))
        result = await self._load(targets, seconds, connections, once=once)
        used = difference(before, cpu_seconds(parts(self._home)))
        return figures_of(name, connections, result, used)

    async def _load(self, targets: list[Target], seconds: float, connections: int, *, once: bool) -> Result:
        order = CallOrder(
            url=self._base_url,
            token="",
            targets=targets,
            seconds=seconds,
            connections=connections,
            once=once,
            answers=["409"],
            seed=time.time_ns() % 1_000_000,
        )
        check_calls(order)
        return await load(order, _GENERATOR)
