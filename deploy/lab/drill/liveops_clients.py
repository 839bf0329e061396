"""Clients of the live-ops drill: they retry with the same key until they know, and remember what they saw."""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING, Any, Final

import msgspec

from deploy.lab.drill.counted_calls import JSON, CountedCalls
from deploy.lab.drill.history import Operation

if TYPE_CHECKING:
    from collections.abc import Sequence

CURRENCY: Final = "gold"


class Answered(msgspec.Struct, frozen=True):
    """What a call came to in the end."""

    key: str
    path: str
    body: dict[str, Any]
    status: int
    text: bytes
    invoked_s: float
    returned_s: float


class Clients(CountedCalls):
    """Calls S3 and notes each operation with its answer."""

    def __init__(self, base_url: str, live: str, server: str, *, connections: int) -> None:
        super().__init__(base_url, connections=connections)
        self._live = {"authorization": f"Bearer {live}"}
        self._server = {"authorization": f"Bearer {server}"}
        self.secrets: dict[str, str] = {}

    def headers(self, player: str, *, server: bool) -> dict[str, str]:
        """A server's key, or the game's with the player's secret."""
        return self._server if server else self._live | {"x-player-secret": self.secrets.get(player, "")}

    async def call(
        self, player: str, path: str, key: str, body: dict[str, Any] | None = None, *, server: bool = False
    ) -> Answered:
        """Post until the answer is definite; always with the same key."""
        invoked_s = time.monotonic()
        headers = self.headers(player, server=server) | JSON | {"idempotency-key": key}
        sent = msgspec.json.encode(body or {})
        status, text = await self.until_known("POST", path, headers=headers, body=sent)
        return Answered(key, path, body or {}, status, text, invoked_s, time.monotonic())

    async def balance(self, player: str) -> Operation | None:
        """One read of a wallet as part of a history; None where it is not available."""
        invoked_s = time.monotonic()
        path = f"/sdk/v1/players/{player}/wallet"
        status, text, _ = await self.attempt("GET", path, headers=self.headers(player, server=False))
        if status != 200:
            return None
        held = {row["economyKey"]: row["balance"] for row in msgspec.json.decode(text)["wallet"]}
        return Operation(
            kind="read",
            invoked_s=invoked_s,
            returned_s=time.monotonic(),
            balance=held.get(CURRENCY, 0),
        )

    async def get(self, player: str, path: str) -> Any:
        """A read by the server's key, again until it is there."""
        while True:
            status, text, wait = await self.attempt("GET", path, headers=self.headers(player, server=True))
            if status == 200:
                return msgspec.json.decode(text)
            await asyncio.sleep(wait)


class Player:
    """One player's operations, in an order that the dice gave, and what came of them."""

    def __init__(self, external_id: str, operations: int, dice: random.Random) -> None:
        self.external_id = external_id
        self.kinds = dice.choices(("credit", "debit", "claim", "crate"), (40, 40, 12, 8), k=operations)
        self.amounts = [dice.randrange(1, 50) for _ in self.kinds]
        self.history: list[Operation] = []
        self.answered: list[Answered] = []
        self.wrong: list[str] = []

    @property
    def path(self) -> str:
        """The SDK's paths of this player."""
        return f"/sdk/v1/players/{self.external_id}"

    @property
    def server_path(self) -> str:
        """The server side's."""
        return f"/server/v1/players/{self.external_id}"

    async def play(self, clients: Clients, number: int) -> None:
        """One operation, and a read after it."""
        kind, amount = self.kinds[number], self.amounts[number]
        key = f"{self.external_id}-{number}"
        if kind == "credit":
            path = f"{self.server_path}/wallet/{CURRENCY}/credit"
            answer = await clients.call(self.external_id, path, key, {"amount": amount}, server=True)
            self._moved("add", amount, answer)
        elif kind == "debit":
            path = f"{self.path}/wallet/{CURRENCY}/debit"
            answer = await clients.call(self.external_id, path, key, {"amount": amount})
            self._moved("take", amount, answer)
        else:
            await self._grant(clients, key, amount, crate=kind == "crate")
        read = await clients.balance(self.external_id)
        if read is not None:
            self.history.append(read)

    def _moved(self, kind: Any, amount: int, answer: Answered) -> None:
        self.answered.append(answer)
        ok = answer.status == 200
        if not ok and answer.status != 409:
            self.wrong.append(f"{answer.path}: {answer.status} {answer.text[:200]!r}")
        self.history.append(
            Operation(
                kind=kind,
                amount=amount,
                invoked_s=answer.invoked_s,
                returned_s=answer.returned_s,
                ok=ok,
                balance=msgspec.json.decode(answer.text)["entry"]["balance"] if ok else None,
            )
        )

    async def _grant(self, clients: Clients, key: str, amount: int, *, crate: bool) -> None:
        """A server gives, two clients open and claim at once: it must count once."""
        gold = [{"type": "currency", "key": CURRENCY, "quantity": amount}]
        rich = [{"type": "currency", "key": CURRENCY, "quantity": amount + 100}]
        rows = [{"weight": 1, "entries": gold}, {"weight": 1, "entries": rich}]
        body: dict[str, Any] = {"crate": {"table": rows}} if crate else {"entries": gold}
        given = await clients.call(
            self.external_id, f"{self.server_path}/grants", f"{key}-give", body, server=True
        )
        self.answered.append(given)
        grant = msgspec.json.decode(given.text)["grant"]
        if crate:
            opening = f"{self.path}/crates/{grant['id']}/open"
            opened = await asyncio.gather(
                *(clients.call(self.external_id, opening, f"{key}-open-{hand}") for hand in range(2))
            )
            self.answered += opened
            contents = [msgspec.json.decode(answer.text)["contents"] for answer in opened]
            if contents[0]["id"] != contents[1]["id"] or contents[0]["entries"] != contents[1]["entries"]:
                self.wrong.append(f"{grant['id']} was rolled twice: {contents}")
            grant = contents[0]
        claiming = f"{self.path}/grants/{grant['id']}/claim"
        claims = await asyncio.gather(
            *(clients.call(self.external_id, claiming, f"{key}-claim-{hand}") for hand in range(2))
        )
        self.answered += claims
        quantity = sum(entry["quantity"] for entry in grant["entries"])
        self.history.append(
            Operation(
                kind="add",
                amount=quantity,
                invoked_s=min(claim.invoked_s for claim in claims),
                returned_s=min(claim.returned_s for claim in claims),
            )
        )
        if any(claim.status != 200 for claim in claims):
            self.wrong.append(f"{claiming}: {[claim.status for claim in claims]}")

    def expected(self) -> int:
        """The balance that the accepted operations give."""
        sign = {"add": 1, "take": -1, "read": 0}
        return sum(sign[operation.kind] * operation.amount for operation in self.history if operation.ok)


async def ask_again(clients: Clients, player: Player, answers: Sequence[Answered]) -> list[str]:
    """Ask with the same keys and bodies once more; what is not answered byte for byte as before."""
    different = []
    for answer in answers:
        server = answer.path.startswith("/server/")
        again = await clients.call(player.external_id, answer.path, answer.key, answer.body, server=server)
        if (again.status, again.text) != (answer.status, answer.text):
            different.append(f"{answer.path} {answer.key}: {answer.text[:120]!r}, then {again.text[:120]!r}")
    return different
