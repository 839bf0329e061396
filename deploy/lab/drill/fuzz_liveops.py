"""Players of the fuzz drill: their ids, keys, reasons and contexts are fuzzed, what they own must add up."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final

from deploy.lab.drill.fuzz_cases import Fields, Maker
from deploy.lab.drill.fuzz_surface import SurfaceFuzz, quoted
from deploy.lab.drill.fuzz_texts import Rule
from deploy.lab.drill.liveops_clients import CURRENCY

if TYPE_CHECKING:
    from deploy.lab.drill.fuzz_http import Client

EVENT: Final = "relay-points"
ITEM: Final = "medkit"
CONTEXT_BYTES: Final = 20_000
REFUSALS: Final = frozenset({400, 401, 404, 409})
"""What a path that names nothing, or a text that does not fit, may be answered with."""


class LiveopsFuzz(SurfaceFuzz):
    """Plays one player after the other."""

    surface = "s3"

    def __init__(self, client: Client, maker: Maker, live: str, server: str, run: str) -> None:
        super().__init__(client, maker, run)
        self._live = {"authorization": f"Bearer {live}"}
        self._server = {"authorization": f"Bearer {server}"}
        self.players = 0
        self.met_before = 0
        """Players that an earlier run on the same home has registered."""

    async def play(self) -> None:
        """Register, earn, spend, compete, read: all of it must be as answered."""
        player = self._maker.texts.good("s3 externalId", Rule.ID)
        path = f"/sdk/v1/players/{quoted(player)}"
        server = f"/server/v1/players/{quoted(player)}"
        headers = {
            **self._live,
            "idempotency-key": str(uuid.uuid4()),
        }
        status, answer = await self.ask("POST", f"{path}/register", headers, {}, frozenset({201, 409}))
        if status != 201:
            self.met_before += 1
            return
        self.players += 1
        self.expect(answer["player"]["externalId"], player, "register")
        own = {**self._live, "x-player-secret": answer["secret"]}
        credited, spent = self.dice.randint(10, 1000), self.dice.randint(1, 9)
        reasons = [self._maker.texts.good("s3 reason", Rule.REASON) for _ in range(4)]
        await self._twice(
            f"{server}/wallet/{CURRENCY}/credit", self._server, {"amount": credited, "reason": reasons[0]}
        )
        await self._twice(f"{path}/wallet/{CURRENCY}/debit", own, {"amount": spent, "reason": reasons[1]})
        await self._twice(
            f"{server}/inventory/{ITEM}/grant", self._server, {"quantity": 3, "reason": reasons[2]}
        )
        await self._twice(f"{path}/inventory/{ITEM}/consume", own, {"quantity": 1, "reason": reasons[3]})
        await self._compete(player, path, own)
        await self._read(path, server, own, credited - spent, reasons)

    async def refuse(self) -> None:
        """Texts that fit nothing: refused by the contract's statuses, never otherwise."""
        text, player = self._maker.texts.good, f"refused-{self._run}"
        path, server = f"/sdk/v1/players/{player}", f"/server/v1/players/{player}"
        free = quoted(text("s3 path", Rule.NAME))
        bad_id = quoted(self._maker.refused("s3 externalId", Rule.ID)) or "%00"
        reason = self._maker.refused("s3 reason", Rule.REASON)
        key = self._maker.refused("s3 idempotencyKey", Rule.KEY)
        context = {self._maker.refused("s3 context key", Rule.CONTEXT_KEY): 1}
        asked: list[tuple[str, str, Fields | None]] = [
            ("POST", f"/server/v1/players/{bad_id}/wallet/{CURRENCY}/credit", {"amount": 1}),
            ("POST", f"{server}/wallet/{CURRENCY}/credit", {"amount": 1, "reason": reason}),
            ("POST", f"{server}/wallet/{CURRENCY}/credit", {"amount": 1, "idempotencyKey": key}),
            ("POST", f"{server}/wallet/{free}./credit", {"amount": 1}),
            ("POST", f"{server}/inventory/{free}./grant", {"quantity": 1}),
            (
                "POST",
                f"{server}/grants",
                {"entries": [{"type": "item", "key": text("s3 key", Rule.NAME) + ".", "quantity": 1}]},
            ),
            ("POST", f"{server}/grants", {"entries": [], "expiresAt": self._maker.no_time("s3 expiresAt")}),
            ("POST", f"{path}/events/{free}./start", {}),
            ("POST", f"{path}/events/{EVENT}/start", {"playerContext": context}),
            ("POST", f"{path}/events/{EVENT}/attempts/{free}/progress", {"mode": "set", "metricValue": 1}),
            (
                "POST",
                f"{path}/events/{EVENT}/attempts/a/progress",
                {"mode": text("s3 mode", Rule.NAME) + "."},
            ),
            ("POST", f"{path}/grants/{free}/claim", {}),
            ("POST", f"{path}/crates/{free}/open", {}),
            ("GET", f"/sdk/v1/leaderboards/{free}", None),
            ("GET", f"/sdk/v1/lobbies/{free}", None),
            ("GET", f"{server}/ledger?cursor={free}", None),
        ]
        method, asked_path, body = self.dice.choice(asked)
        await self.ask(method, asked_path, self._server, body, REFUSALS)

    async def _compete(self, player: str, path: str, own: dict[str, str]) -> None:
        self._maker.bytes_left = CONTEXT_BYTES
        keys = [self._maker.texts.good("s3 context key", Rule.CONTEXT_KEY) for _ in range(3)]
        context = {key: self._maker.value("s3 context", depth=1) for key in keys}
        start = f"{path}/events/{EVENT}/start"
        body = {"playerContext": context, "idempotencyKey": self._key()}
        status, answer = await self.ask("POST", start, own, body, frozenset({201}))
        if status != 201:
            return
        progress = f"{path}/events/{EVENT}/attempts/{answer['attempt']['id']}/progress"
        name = self._maker.texts.good("s3 metric", Rule.CONTEXT_KEY) + "."
        await self.ask("POST", progress, own, {"mode": "increment", "metrics": {name: 1}}, REFUSALS)
        score = self.dice.randint(1, 1000)
        body = {"mode": "set", "metrics": {"points": score}, "idempotencyKey": self._key()}
        status, answer = await self.ask("POST", progress, own, body, frozenset({200}))
        if status != 200:
            return
        board = f"/sdk/v1/leaderboards/{quoted(answer['leaderboard']['leaderboardId'])}"
        asked = f"{board}?includeSelf=true&externalId={quoted(player)}"
        _, answer = await self.ask("GET", asked, own, None, frozenset({200}))
        own_entry = answer.get("self") or {}
        self.expect(
            (own_entry.get("externalId"), own_entry.get("score")), (player, score), "the board's self"
        )

    async def _read(
        self, path: str, server: str, own: dict[str, str], balance: int, reasons: list[str]
    ) -> None:
        ok = frozenset({200})
        _, answer = await self.ask("GET", f"{path}/wallet", own, None, ok)
        held = {row["economyKey"]: row["balance"] for row in answer.get("wallet", [])}
        self.expect(held, {CURRENCY: balance}, f"wallet of {path}")
        _, answer = await self.ask("GET", f"{path}/inventory", own, None, ok)
        held = {row["itemKey"]: row["quantity"] for row in answer.get("items", [])}
        self.expect(held, {ITEM: 2}, f"inventory of {path}")
        _, answer = await self.ask("GET", f"{server}/ledger?limit=100", self._server, None, ok)
        said = [row["reason"] for row in reversed(answer.get("ledger", []))]
        self.expect(said, reasons, f"ledger's reasons of {path}")
        await self.ask("GET", server, self._server, None, ok)
        await self.ask("GET", f"{path}/events", own, None, ok)
        await self.ask("GET", f"{path}/pending-grants", own, None, ok)

    async def _twice(self, path: str, headers: dict[str, str], body: Fields) -> None:
        """Ask twice with one key, once in the body and once in the header: one effect, one answer."""
        key = self._key()
        first = await self.ask("POST", path, headers, {**body, "idempotencyKey": key}, frozenset({200, 201}))
        again = await self.ask("POST", path, {**headers, "idempotency-key": key}, body, frozenset({200, 201}))
        self.expect(again, first, f"{path} with {key!r} again")
