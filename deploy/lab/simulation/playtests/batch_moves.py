"""What a studio's testers and its operator do about key batches, two at once where that could go wrong."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING, Any, Final

from deploy.lab.simulation.playtests.code_checks import CodeCheck
from schemas.identifiers import key_hash
from schemas.playtests.batch_commands import CloseBatch, DefineBatch
from schemas.playtests.batch_views import BatchDefinition
from schemas.playtests.names import batch_aggregate
from schemas.playtests.tokens import invite_token, share_token
from streams.playtests.administration import Recipient

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable

    from deploy.lab.simulation.faults import Faults
    from deploy.lab.simulation.playtests.batch_model import Place
    from deploy.lab.simulation.playtests.links import Redemption, SimulatedLinks
    from deploy.lab.simulation.playtests.secrets import Secrets

HOUR_MS: Final = 3_600_000
OPEN_MS_MAX: Final = 240 * HOUR_MS
CODES: Final = 16
"""Different codes of a studio's files: few, so that they come again."""
PEOPLE: Final = 12
DEVICES: Final = 5
GUESS: Final = 0.1
"""Share of the claims by a token that was never given out."""
_WEIGHTS: Final = {
    "import": 5,
    "mint": 2,
    "invite": 5,
    "redeem": 10,
    "redeem_invite": 8,
    "claim": 8,
    "unclaim": 3,
    "revoke": 5,
    "rotate": 1,
    "define": 8,
    "close": 1,
    "forget": 3,
    "check": 5,
}
_BATCHES: Final[dict[str, tuple[Any, Any, Any]]] = {
    "ptb_invite": ("studio-uploaded", "invite", "handle+email"),
    "ptb_public": ("studio-uploaded", "public", "handle+email"),
    "ptb_minted": ("generated", "public", "handle"),
}


@dataclasses.dataclass(slots=True)
class BatchRecord:
    """All that was answered."""

    redemptions: list[Redemption] = dataclasses.field(default_factory=list)
    claims: list[tuple[str, str, bool]] = dataclasses.field(default_factory=list)
    """Claims that succeeded: the token's hash, the device, and whether it was linked."""
    checks: list[CodeCheck] = dataclasses.field(default_factory=list)
    writes: int = 0
    """Other answers."""


class BatchMoves:
    """Takes one turn after the other for one game of a studio."""

    def __init__(
        self,
        links: SimulatedLinks,
        record: BatchRecord,
        secrets: Secrets,
        faults: Faults,
        game: tuple[str, str],
    ) -> None:
        self._links = links
        self._record = record
        self._secrets = secrets
        self._faults = faults
        self._studio_id, self._game_id = game
        self._dice: random.Random = faults.dice
        self._claims: list[tuple[str, str]] = []
        """Tokens, and whose they are by e-mail."""
        self._linked: list[str] = []
        """E-mails of those whose handles were linked."""
        self._moves: dict[str, Callable[[], Awaitable[None]]] = {
            name: getattr(self, f"_{name}") for name in _WEIGHTS
        }

    async def begin(self) -> None:
        """The game's file declares its batches; each gets some keys."""
        for name in _BATCHES:
            await self._defined(name)
        await self._import()
        await self._mint()

    async def turn(self) -> None:
        """One move."""
        (name,) = self._dice.choices(list(_WEIGHTS), list(_WEIGHTS.values()))
        await self._moves[name]()
        self._record.writes += 1

    def _place(self, batch_id: str) -> Place:
        return self._studio_id, self._game_id, batch_id

    async def _defined(self, batch_id: str) -> None:
        source, mode, identity = _BATCHES[batch_id]
        ends = self._dice.random() < 0.5
        definition = BatchDefinition(
            id=batch_id,
            name=batch_id,
            distribution_target="other",
            fulfillment_source=source,
            redemption_mode=mode,
            identity_mode=identity,
            expires_at_ms=self._faults.now_ms() + self._dice.randrange(OPEN_MS_MAX) if ends else None,
        )
        token = share_token(self._secrets.sealer, batch_aggregate(*self._place(batch_id)), 1)
        share = key_hash(token) if mode == "public" else ""
        await self._links.ask(
            self._place(batch_id), DefineBatch(definition=definition, share_token_hash=share)
        )

    async def _define(self) -> None:
        await self._defined(self._dice.choice(list(_BATCHES)))

    async def _close(self) -> None:
        name = self._dice.choice(list(_BATCHES))
        await self._links.ask(self._place(name), CloseBatch(batch_id=name))
        if self._dice.random() < 0.8:
            await self._defined(name)

    async def _import(self) -> None:
        """The same codes to two batches at once, some of them twice."""

        async def some(batch_id: str) -> None:
            codes = [f"CODE-{self._dice.randrange(CODES)}" for _ in range(self._dice.randrange(1, 6))]
            await self._links.operate(
                self._place(batch_id), lambda operator, batch: operator.import_codes(batch, codes)
            )

        await asyncio.gather(some("ptb_invite"), some("ptb_public"))

    async def _mint(self) -> None:
        count = self._dice.randrange(1, 4)
        await self._links.operate(
            self._place("ptb_minted"), lambda operator, batch: operator.mint(batch, count)
        )

    async def _invite(self) -> None:
        """Some people at once, by two operators who may name the same ones."""

        async def some() -> None:
            people = [Recipient(self._person(), "hi") for _ in range(self._dice.randrange(1, 4))]
            await self._links.operate(
                self._place("ptb_invite"), lambda operator, batch: operator.invite(batch, people)
            )

        await asyncio.gather(*(some() for _ in range(self._dice.randrange(1, 3))))

    def _person(self) -> str:
        """An e-mail, written in one of the ways that are one mailbox."""
        email = f"p{self._dice.randrange(PEOPLE)}@x"
        return email.upper() if self._dice.random() < 0.3 else email

    def _handle(self) -> str:
        handle = f"tester{self._dice.randrange(PEOPLE * 2)}"
        return handle.upper() if self._dice.random() < 0.3 else handle

    async def _redeem(self) -> None:
        """By the public link; two at once, perhaps as the same person."""
        batch_id = self._dice.choice(("ptb_public", "ptb_minted"))
        row = await self._links.batch(self._place(batch_id))
        if row is None:
            return
        token = self._links.shared(self._place(batch_id), row)
        if token is not None:
            await self._redeemed(token)

    async def _redeem_invite(self) -> None:
        """By an invite's link; two at once, as where it was forwarded."""
        invites = await self._links.invites(self._place("ptb_invite"))
        if not invites:
            return
        invite = self._dice.choice(invites)
        tokens = self._secrets.sealer.tokens("invite", invite.id)
        token = next(
            (one for one in tokens if key_hash(one) == invite.token_hash),
            invite_token(self._secrets.sealer, ""),
        )
        await self._redeemed(token)

    async def _redeemed(self, token: str) -> None:
        handle, email = self._handle(), self._person()
        people = [(handle, email)]
        if self._dice.random() < 0.4:
            people.append(self._dice.choice(((handle, self._person()), (self._handle(), email.lower()))))
        answers = await asyncio.gather(
            *(
                self._links.redeem(
                    self._game_id, token, self._dice.randbytes(8).hex(), handle=one[0], email=one[1]
                )
                for one in people
            )
        )
        self._record.redemptions += answers
        self._claims += [(one.told["claimToken"], one.email) for one in answers if one.told.get("claimToken")]

    async def _claim(self) -> None:
        """A handle's device; two devices at once, perhaps."""
        await asyncio.gather(*(self._claimed(link=True) for _ in range(self._dice.randrange(1, 3))))

    async def _unclaim(self) -> None:
        await self._claimed(link=False)

    async def _claimed(self, *, link: bool) -> None:
        if not self._claims:
            return
        token, email = self._dice.choice(self._claims[-6:])
        if self._dice.random() < GUESS:
            token += "0"
        device = f"device-{self._dice.randrange(DEVICES)}"
        if await self._links.claim(self._game_id, token, device, link=link) == 200:
            self._record.claims.append((key_hash(token), device, link))
            self._linked.append(email)

    async def _revoke(self) -> None:
        place = self._place(self._dice.choice(list(_BATCHES)))
        held = await self._links.keys(place)
        redeemed = [key for key in held if key.status == "redeemed"]
        if held:
            key_id = self._dice.choice(redeemed if redeemed and self._dice.random() < 0.7 else held).id
            await self._links.operate(place, lambda operator, batch: operator.revoke(batch, [key_id]))

    async def _rotate(self) -> None:
        place = self._place(self._dice.choice(("ptb_public", "ptb_minted")))
        await self._links.operate(place, lambda operator, batch: operator.share(batch, rotate=True))

    async def _check(self) -> None:
        """A game asks about a code that a tester was given, or about another."""
        given = [
            one.told["key"]
            for one in self._record.redemptions
            if one.status == 200 and one.game_id == self._game_id
        ]
        guess = f"CODE-{self._dice.randrange(CODES)}"
        code = self._dice.choice(given) if given and self._dice.random() < 0.5 else guess
        self._record.checks.append(
            CodeCheck(
                game=(self._studio_id, self._game_id),
                code=code,
                valid=await self._links.is_valid(self._studio_id, self._game_id, code),
                given=code in given,
            )
        )

    async def _forget(self) -> None:
        known = self._linked[-2:] if self._dice.random() < 0.7 else []
        await self._links.forget(self._studio_id, self._dice.choice(known or [self._person()]))
