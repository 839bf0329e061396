"""Orders of the fuzz drill (S2): notes, game keys, applications and profiles are fuzzed, and read as sent.

The tables hold none of these texts. A rebuild compares Redis, which does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from deploy.lab.bench.playtests_calls import credit
from deploy.lab.drill.fuzz_surface import SurfaceFuzz, quoted
from deploy.lab.drill.fuzz_texts import Rule
from deploy.lab.drill.playtests_world import GAMES, Side, make_sides

if TYPE_CHECKING:
    from deploy.lab.drill.fuzz_cases import Fields, Maker
    from deploy.lab.drill.fuzz_http import Client
    from deploy.lab.drill.playtests_clients import Caller
    from deploy.settings import Settings

OWNERS: Final = 2
PANEL: Final = 6
CREDIT_CENTS: Final = 100_000_000
OK: Final = frozenset({200})
MADE: Final = frozenset({201})
REFUSALS: Final = frozenset({400, 404, 409, 422})
_ROOT: Final = "/api/v1"


class PlaytestsFuzz(SurfaceFuzz):
    """A studio of its own, one order after the other."""

    surface = "s2"

    def __init__(self, client: Client, maker: Maker, run: str, side: Side) -> None:
        super().__init__(client, maker, run)
        self._side = side
        self._turn = 0
        self.orders = 0

    @classmethod
    async def open(cls, client: Client, maker: Maker, run: str, configured: Settings) -> PlaytestsFuzz:
        """With a new studio, its panel and credit."""
        (side,) = await make_sides(configured, f"fuzz-{run}", studios=1, owners=OWNERS, panel=PANEL)
        await credit(configured, side.studio_id, CREDIT_CENTS)
        return cls(client, maker, run, side)

    async def order(self) -> None:
        """Order, claim or apply, read, block or rate nothing away: all of it must be as sent."""
        notes, changed = self._text("notes", Rule.NOTES), self._text("notes", Rule.NOTES)
        body: Fields = {"quantity": 1, "payFromCredit": True, "notesForTesters": notes}
        manual = self.dice.random() < 0.5
        if manual:
            body |= {"selectionMode": "manual", "qualifications": self._text("terms", Rule.QUALIFICATIONS)}
        game_keys = list(dict.fromkeys(self._text("game key", Rule.GAME_KEY) for _ in range(3)))
        body["keysForTesters"] = game_keys
        path = f"/games/{self.dice.choice(GAMES)}/playtests"
        key = self._key()
        status, data = await self._write(path, self._side.owner, body, MADE, key=key)
        if status != 201:
            return
        self.orders += 1
        self.expect(await self._write(path, self._side.owner, body, MADE, key=key), (status, data), "again")
        order_id = data["playtest"]["id"]
        own = f"/playtests/{order_id}"
        found = await self._read(own, self._side.owner)
        self.expect(found["playtest"]["notesForTesters"], notes, f"{own}'s notes")
        who = self._side.panel[self._turn % PANEL]
        self._turn += 1
        await (self._apply(own, who, body) if manual else self._claim(own, who, notes, game_keys[0]))
        await self._write(own, self._side.owner, {"notesForTesters": changed}, OK, method="PATCH")
        found = await self._read(own, self._side.owner)
        self.expect(found["playtest"]["notesForTesters"], changed, f"{own}'s changed notes")
        await self._write(f"{own}/cancel", self._side.owner, {}, OK)

    async def profile(self) -> None:
        """What a playtester says of themselves."""
        who = self.dice.choice(self._side.panel)
        body = {
            "displayName": self._text("displayName", Rule.DISPLAY_NAME),
            "gamingExperience": self._text("gamingExperience", Rule.EXPERIENCE),
        }
        await self._write("/playtests/me", who, body, OK, method="PATCH")
        found = await self._read("/playtests/me", who)
        shown = found.get("playtester", found)
        self.expect({name: shown.get(name) for name in body}, body, f"the profile of {who.playtester_id}")

    async def refuse(self) -> None:
        """Texts that fit nothing: refused by the contract's statuses, never otherwise."""
        free = quoted(self._text("path", Rule.NAME))
        bad = self._maker.refused
        orders = f"/games/{GAMES[0]}/playtests"
        asked: list[tuple[str, str, Fields | None]] = [
            ("POST", orders, {"notesForTesters": bad("s2 notes", Rule.NOTES)}),
            ("POST", orders, {"keysForTesters": [bad("s2 game key", Rule.GAME_KEY)]}),
            ("POST", orders, {"selectionMode": "manual", "qualifications": bad("s2", Rule.QUALIFICATIONS)}),
            ("POST", orders, {self._text("field", Rule.NAME) + ".": 1}),
            ("POST", orders, {"visibility": self._text("visibility", Rule.NAME) + "."}),
            ("POST", f"/games/{free}./playtests", {}),
            ("GET", f"/playtests/{free}.", None),
            ("GET", f"/playtests/slots/{free}.", None),
            ("GET", f"/playtests?cursor={free}.", None),
            ("GET", f"/playtests?limit={free}.", None),
        ]
        method, path, body = self.dice.choice(asked)
        await self.ask(method, _ROOT + path, self._headers(self._side.owner), body, REFUSALS)

    async def _claim(self, own: str, who: Caller, notes: str, game_key: str) -> None:
        status, data = await self._write(f"{own}/claim", who, {}, MADE)
        if status != 201:
            return
        slot_id = data["slot"]["id"]
        slot = (await self._read(f"/playtests/me/slots/{slot_id}", who))["slot"]
        self.expect((slot["notesForTesters"], slot["gameKey"]), (notes, game_key), f"{slot_id} as claimed")
        told = self._text("block notes", Rule.NOTES)
        path = f"/playtests/slots/{slot_id}"
        await self._write(f"{path}/block", who, {"reasonCode": "other", "notes": told}, OK)
        slot = (await self._read(path, self._side.owner))["slot"]
        self.expect(slot["blockedReport"]["notes"], told, f"{slot_id}'s report")

    async def _apply(self, own: str, who: Caller, body: Fields) -> None:
        found = await self._read(own, self._side.owner)
        self.expect(found["playtest"]["qualifications"], body["qualifications"], f"{own}'s terms")
        said = self._text("qualificationsResponse", Rule.QUALIFICATIONS)
        status, _ = await self._write(f"{own}/apply", who, {"qualificationsResponse": said}, MADE)
        if status == 201:
            (one,) = (await self._read(f"{own}/applications", self._side.owner))["applications"]
            self.expect(one["qualificationsResponse"], said, f"an application for {own}")

    async def _write(
        self,
        path: str,
        who: Caller,
        body: Fields,
        allowed: frozenset[int],
        *,
        key: str | None = None,
        method: str = "POST",
    ) -> tuple[int, Any]:
        headers = {**self._headers(who), "idempotency-key": key or self._key()}
        status, answer = await self.ask(method, _ROOT + path, headers, body, allowed)
        return status, answer.get("data", {})

    async def _read(self, path: str, who: Caller) -> dict[str, Any]:
        _, answer = await self.ask("GET", _ROOT + path, self._headers(who), None, OK)
        data: dict[str, Any] = answer.get("data", {})
        return data

    def _headers(self, who: Caller) -> dict[str, str]:
        return {"authorization": f"Bearer {who.key}", "content-type": "application/json"}
