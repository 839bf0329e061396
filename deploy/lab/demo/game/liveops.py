"""A bot as a player of the live-ops surface: decides which call to make next. Pure.

Registers once, takes part in three events by what it really does in the game, claims what it earns, opens
crates, and now and then uses a medkit or spends gold. Time, randomness and idempotency keys are arguments.
Source: the live-ops contract and the S3 reference.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any, Final
from urllib.parse import quote

import msgspec

from deploy.lab.demo.game.achievements import Feats
from deploy.lab.demo.game.event_progress import Frags, Move, Times

PACE_MS: Final = 250
"""Between two calls of a player: at most 240 a minute, reads and writes together, of its 300 writes."""
GRANTS_MS: Final = 30_000
SHOP_MS: Final = 45_000
LEAVE_ALONE_MS: Final = 60_000
"""A player who is refused retries after this time."""
BACKOFF_MS_MAX: Final = 30_000
GRANTS_KEPT_MAX: Final = 200
_UNKNOWN: Final = (0, 502, 503, 504)
_MEDKIT: Final = "medkit"
_GOLD: Final = "gold"
_GOODS: Final = (("ammo", 5), ("armour", 15), ("skin", 40))


class Call(msgspec.Struct, frozen=True):
    """One request. `key` names the credential; the secret goes along with an SDK key where there is one."""

    operation: str
    method: str
    path: str
    body: dict[str, Any] | None = None
    key: str = "lo_live"
    event_key: str = ""
    move: Move | None = None


class Answer(msgspec.Struct, frozen=True):
    """What came back: 0 where nothing did. `wait_ms` is what the answer asks to wait, or 0."""

    status: int
    body: Any = None
    wait_ms: int = 0


class Identity(msgspec.Struct, frozen=True):
    """What a player keeps: its registration's idempotency key, and its secret once it has one."""

    register_key: str
    secret: str = ""


class Career:
    """One player. Ask `next` for a call, make it, and give its answer to `answered`; one call at a time."""

    def __init__(
        self, external_id: str, identity: Identity, *, new_key: Callable[[], str], random: Random
    ) -> None:
        self.external_id = external_id
        self.identity = identity
        self._new_key = new_key
        self._random = random
        self._path = f"/sdk/v1/players/{quote(external_id, safe='')}"
        self._contests = (Frags("weekly-frags", damage=True), Frags("bounty"), Times("speedrun"))
        self._todo: deque[Call] = deque(maxlen=GRANTS_KEPT_MAX)
        self._again: Call | None = None
        self._known = False
        self._not_before_ms = 0
        self._backoff_ms = 500
        self._grants_due_ms = 0
        self._shop_due_ms = 0
        self._locked_out = False

    def add(self, feats: Feats, now_ms: int) -> None:
        """What the player did in the game."""
        for contest in self._contests:
            contest.add(feats, now_ms)

    @property
    def owes(self) -> bool:
        """Whether something the player did or was given is still to be sent."""
        return self._again is not None or bool(self._todo) or any(one.owes for one in self._contests)

    def next(self, now_ms: int) -> Call | None:
        """The call to make now, or None while nothing is due."""
        if now_ms < self._not_before_ms:
            return None
        return self._again or self._entry() or self._due(now_ms)

    def _entry(self) -> Call | None:
        """What comes before everything else: a secret, and what was begun before a restart."""
        if self._locked_out:
            path = f"/server/v1/players/{quote(self.external_id, safe='')}/secret"
            return self._keyed("rotate", path, key="lo_srv")
        if not self.identity.secret:
            body = {"idempotencyKey": self.identity.register_key}
            return Call("register", "POST", f"{self._path}/register", body)
        return None if self._known else Call("events", "GET", f"{self._path}/events")

    def _due(self, now_ms: int) -> Call | None:
        if self._todo:
            return self._todo[0]
        for contest in self._contests:
            move = contest.next(now_ms)
            if move is not None:
                path = f"{self._path}/events/{contest.event_key}/{move.path}"
                return self._keyed(move.operation, path, move.body, event_key=contest.event_key, move=move)
        if now_ms >= self._grants_due_ms:
            return Call("grants", "GET", f"{self._path}/pending-grants")
        if now_ms >= self._shop_due_ms:
            return Call("wallet", "GET", f"{self._path}/wallet")
        return None

    def answered(self, call: Call, answer: Answer, now_ms: int) -> None:
        """Take the answer. Where the outcome is unknown, the call is repeated under its key."""
        status = answer.status
        capped = status == 429 and _code(answer.body) == "attempt_cap_reached"
        if status in _UNKNOWN or (status == 429 and not capped):
            self._again = call
            self._not_before_ms = now_ms + (answer.wait_ms or self._backoff_ms)
            self._backoff_ms = min(self._backoff_ms * 2, BACKOFF_MS_MAX)
            return
        self._again = None
        self._not_before_ms = now_ms + PACE_MS
        self._backoff_ms = 500
        if self._todo and self._todo[0] is call:
            self._todo.popleft()
        if call.operation in ("register", "rotate"):
            self._let_in(call, answer, now_ms)
        elif status == 401:  # this player's secret was rotated elsewhere
            self._locked_out = True
        elif call.move is not None:
            contest = next(one for one in self._contests if one.event_key == call.event_key)
            contest.answered(call.move, status, answer.body, answer.wait_ms, now_ms)
            if status == 200 and answer.body["grants"]:
                self._grants_due_ms = now_ms
        else:
            self._heard(call, answer, now_ms)

    def _let_in(self, call: Call, answer: Answer, now_ms: int) -> None:
        """A secret, or none: the studio's server forces a new one for a lost one, once a minute."""
        if answer.status in (200, 201):
            self.identity = msgspec.structs.replace(self.identity, secret=answer.body["secret"])
            self._locked_out = False
        elif call.operation == "register" and answer.status == 409:
            self._locked_out = True
        else:
            self._not_before_ms = now_ms + LEAVE_ALONE_MS

    def _heard(self, call: Call, answer: Answer, now_ms: int) -> None:
        found = answer.body if answer.status == 200 else None
        match call.operation:
            case "events":
                self._known = True
                self._resume(found)
            case "grants":
                self._grants_due_ms = now_ms + GRANTS_MS
                for grant in found["grants"] if found else ():
                    self._take(grant)
            case "open" if found:
                self._take(found["contents"])
            case "wallet":
                self._shop_due_ms = now_ms + SHOP_MS
                self._spend(found)
                self._todo.append(Call("inventory", "GET", f"{self._path}/inventory"))
            case "inventory":
                self._heal(found)
            case _:
                pass

    def _resume(self, found: Any) -> None:
        """Go on with attempts that a player of before the restart had begun: each one counts to the cap."""
        active = {event["eventKey"]: event["activeAttemptId"] for event in found["events"]} if found else {}
        for contest in self._contests:
            contest.attempt = active.get(contest.event_key) or ""

    def _take(self, grant: Any) -> None:
        if grant["kind"] == "crate":
            self._todo.append(self._keyed("open", f"{self._path}/crates/{grant['id']}/open"))
        else:
            self._todo.append(self._keyed("claim", f"{self._path}/grants/{grant['id']}/claim"))

    def _spend(self, found: Any) -> None:
        balances = {row["economyKey"]: row["balance"] for row in found["wallet"]} if found else {}
        affordable = [(name, price) for name, price in _GOODS if price <= balances.get(_GOLD, 0)]
        if affordable:
            name, price = self._random.choice(affordable)
            body = {"amount": price, "reason": name}
            self._todo.append(self._keyed("debit", f"{self._path}/wallet/{_GOLD}/debit", body))

    def _heal(self, found: Any) -> None:
        held = {row["itemKey"]: row["quantity"] for row in found["items"]} if found else {}
        if held.get(_MEDKIT, 0) > 0:
            body = {"quantity": 1, "reason": "healed"}
            self._todo.append(self._keyed("consume", f"{self._path}/inventory/{_MEDKIT}/consume", body))

    def _keyed(self, operation: str, path: str, body: dict[str, Any] | None = None, **more: Any) -> Call:
        return Call(operation, "POST", path, {**(body or {}), "idempotencyKey": self._new_key()}, **more)


def _code(body: Any) -> str:
    try:
        return str(body["error"]["code"])
    except (KeyError, TypeError):
        return ""
