"""Players of the fuzz drill: their ids, keys, reasons and contexts are fuzzed, what they own must add up."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import orjson

from deploy.lab.drill.fuzz_cases import Fields, Maker, ascii_json
from deploy.lab.drill.fuzz_texts import Rule
from deploy.lab.drill.liveops_clients import CURRENCY

if TYPE_CHECKING:
    from deploy.lab.drill.fuzz_http import Client

EVENT: Final = "relay-points"
ITEM: Final = "medkit"
CONTEXT_BYTES: Final = 20_000
REFUSALS: Final = frozenset({400, 401, 404, 409})
"""What a path that names nothing, or a text that does not fit, may be answered with."""


class LiveopsFuzz:
    """Plays one player after the other. What does not add up is in `wrong`."""

    def __init__(self, client: Client, maker: Maker, live: str, server: str, run: str) -> None:
        self._client = client
        self._maker = maker
        self._dice = maker.dice
        self._live = {"authorization": f"Bearer {live}"}
        self._server = {"authorization": f"Bearer {server}"}
        self._run = run
        self._keys = 0
        self.players = 0
        self.met_before = 0
        """Players that an earlier run on the same home has registered."""
        self.wrong: list[str] = []

    async def play(self) -> None:
        """Register, earn, spend, compete, read: all of it must be as answered."""
        player = self._maker.texts.good("s3 externalId", Rule.ID)
        path = f"/sdk/v1/players/{_quoted(player)}"
        server = f"/server/v1/players/{_quoted(player)}"
        headers = {
            **self._live,
            "idempotency-key": str(uuid.uuid4()),
        }
        status, answer = await self._ask("POST", f"{path}/register", headers, {}, frozenset({201, 409}))
        if status != 201:
            self.met_before += 1
            return
        self.players += 1
        self._expect(answer["player"]["externalId"], player, "register")
        own = {**self._live, "x-player-secret": answer["secret"]}
        credited, spent = self._dice.randint(10, 1000), self._dice.randint(1, 9)
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
        free = _quoted(text("s3 path", Rule.NAME))
        bad_id = _quoted(self._maker.refused("s3 externalId", Rule.ID)) or "%00"
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
        method, asked_path, body = self._dice.choice(asked)
        await self._ask(method, asked_path, self._server, body, REFUSALS)

    async def _compete(self, player: str, path: str, own: dict[str, str]) -> None:
        self._maker.bytes_left = CONTEXT_BYTES
        keys = [self._maker.texts.good("s3 context key", Rule.CONTEXT_KEY) for _ in range(3)]
        context = {key: self._maker.value("s3 context", depth=1) for key in keys}
        start = f"{path}/events/{EVENT}/start"
        body = {"playerContext": context, "idempotencyKey": self._key()}
        status, answer = await self._ask("POST", start, own, body, frozenset({201}))
        if status != 201:
            return
        progress = f"{path}/events/{EVENT}/attempts/{answer['attempt']['id']}/progress"
        name = self._maker.texts.good("s3 metric", Rule.CONTEXT_KEY) + "."
        await self._ask("POST", progress, own, {"mode": "increment", "metrics": {name: 1}}, REFUSALS)
        score = self._dice.randint(1, 1000)
        body = {"mode": "set", "metrics": {"points": score}, "idempotencyKey": self._key()}
        status, answer = await self._ask("POST", progress, own, body, frozenset({200}))
        if status != 200:
            return
        board = f"/sdk/v1/leaderboards/{_quoted(answer['leaderboard']['leaderboardId'])}"
        asked = f"{board}?includeSelf=true&externalId={_quoted(player)}"
        _, answer = await self._ask("GET", asked, own, None, frozenset({200}))
        own_entry = answer.get("self") or {}
        self._expect(
            (own_entry.get("externalId"), own_entry.get("score")), (player, score), "the board's self"
        )

    async def _read(
        self, path: str, server: str, own: dict[str, str], balance: int, reasons: list[str]
    ) -> None:
        ok = frozenset({200})
        _, answer = await self._ask("GET", f"{path}/wallet", own, None, ok)
        held = {row["economyKey"]: row["balance"] for row in answer.get("wallet", [])}
        self._expect(held, {CURRENCY: balance}, f"wallet of {path}")
        _, answer = await self._ask("GET", f"{path}/inventory", own, None, ok)
        held = {row["itemKey"]: row["quantity"] for row in answer.get("items", [])}
        self._expect(held, {ITEM: 2}, f"inventory of {path}")
        _, answer = await self._ask("GET", f"{server}/ledger?limit=100", self._server, None, ok)
        said = [row["reason"] for row in reversed(answer.get("ledger", []))]
        self._expect(said, reasons, f"ledger's reasons of {path}")
        await self._ask("GET", server, self._server, None, ok)
        await self._ask("GET", f"{path}/events", own, None, ok)
        await self._ask("GET", f"{path}/pending-grants", own, None, ok)

    async def _twice(self, path: str, headers: dict[str, str], body: Fields) -> None:
        """Ask twice with one key, once in the body and once in the header: one effect, one answer."""
        key = self._key()
        first = await self._ask("POST", path, headers, {**body, "idempotencyKey": key}, frozenset({200, 201}))
        again = await self._ask(
            "POST", path, {**headers, "idempotency-key": key}, body, frozenset({200, 201})
        )
        self._expect(again, first, f"{path} with {key!r} again")

    def _key(self) -> str:
        """A key of this run alone."""
        self._keys += 1
        own = f"{self._run}{self._keys}"
        return self._maker.texts.good("s3 idempotencyKey", Rule.KEY, long=255 - len(own)) + own

    async def _ask(
        self, method: str, path: str, headers: dict[str, str], body: Fields | None, allowed: frozenset[int]
    ) -> tuple[int, dict[str, Any]]:
        data = None if body is None else ascii_json(body) if self._dice.random() < 0.5 else _utf8(body)
        status, text = await self._client.ask(method, path, headers=headers, body=data)
        said = f"{method} {path} {data or b''!r:.200} -> {text[:200]!r}"
        self._client.note("s3", status, allowed=status in allowed, said=said)
        return status, orjson.loads(text) if status and status < 300 else {}

    def _expect(self, found: object, wanted: object, what: str) -> None:
        if found != wanted:
            self.wrong.append(f"{what:.200}: {found!r:.200} instead of {wanted!r:.200}")


def _quoted(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


def _utf8(body: Fields) -> bytes:
    """JSON in UTF-8; halves of surrogate pairs, which it has no bytes for, as three bytes that are none."""
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")
