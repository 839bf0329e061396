"""Wallets, inventories, grants and crates, asked in any order, against a model of dictionaries."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, rule

from schemas.codec import Message
from schemas.liveops.commands import (
    ClaimGrant,
    ConsumeItem,
    CreditWallet,
    DebitWallet,
    GiveGrant,
    GiveRankReward,
    GrantItem,
    OpenCrate,
)
from schemas.liveops.events import CrateOpened, GrantCreated
from schemas.liveops.views import CrateRow, GrantEntry
from tests.streams.deciders.liveops.machine import PLAYERS, SETTINGS, Partition

AMOUNTS = st.integers(1, 4)
COIN = GrantEntry(type="currency", key="gold", quantity=7)
KIT = GrantEntry(type="item", key="medkit", quantity=2)
TABLE = [CrateRow(weight=3.0, entries=[COIN]), CrateRow(weight=1.0, entries=[KIT, COIN])]
ROWS = [row.entries for row in TABLE]


class Economy(Partition):
    """Grants and crates are drawn with their owners; now and then somebody else asks for them."""

    grants = Bundle("grants")
    crates = Bundle("crates")

    @rule(player=PLAYERS, amount=AMOUNTS, kind=st.sampled_from(["currency", "item"]))
    def add(self, player: str, amount: int, kind: str) -> None:
        body: Message = CreditWallet(economy_key="gold", amount=amount)
        if kind == "item":
            body = GrantItem(item_key="medkit", quantity=amount)
        assert self.ask(body, player)[0] == 200
        self.model.add(player, (kind, "gold" if kind == "currency" else "medkit"), amount)

    @rule(player=PLAYERS, amount=AMOUNTS)
    def debit(self, player: str, amount: int) -> None:
        status, _ = self.ask(DebitWallet(economy_key="gold", amount=amount), player)
        assert status == self.model.take(player, ("currency", "gold"), amount)

    @rule(player=PLAYERS, amount=AMOUNTS)
    def consume(self, player: str, amount: int) -> None:
        status, _ = self.ask(ConsumeItem(item_key="medkit", quantity=amount), player)
        assert status == self.model.take(player, ("item", "medkit"), amount)

    @rule(target=grants, player=PLAYERS)
    def give(self, player: str) -> tuple[str, str]:
        status, events = self.ask(GiveGrant(entries=[COIN, KIT]), player)
        assert status == 201
        return player, next(made.grant.id for made in events if isinstance(made, GrantCreated))

    @rule(target=crates, player=PLAYERS)
    def give_crate(self, player: str) -> tuple[str, str]:
        _, events = self.ask(GiveGrant(table=TABLE), player)
        return player, next(made.grant.id for made in events if isinstance(made, GrantCreated))

    @rule(target=grants, player=PLAYERS, board=st.sampled_from(["lb_1", "lb_2"]))
    def reward_rank(self, player: str, board: str) -> tuple[str, str]:
        body = GiveRankReward(
            event_key="frags",
            window_id=self.world.window(),
            board_id=board,
            rank=1,
            trigger="rank <= 3",
            ordinal=0,
            table_version="1:x",
            entries=[COIN],
        )
        _, events = self.ask(body, player, keyed=False)
        return player, next((made.grant.id for made in events if isinstance(made, GrantCreated)), "none")

    @rule(grant=grants, thief=st.none() | PLAYERS)
    def claim(self, grant: tuple[str, str], thief: str | None) -> None:
        owner, grant_id = grant
        status, _ = self.ask(ClaimGrant(grant_id=grant_id), thief or owner, keyed=False)
        assert status == self.model.claim(thief or owner, grant_id)

    @rule(crate=crates)
    def claim_crate(self, crate: tuple[str, str]) -> None:
        owner, crate_id = crate
        assert self.ask(ClaimGrant(grant_id=crate_id), owner)[0] == 409

    @rule(target=grants, crate=crates, thief=st.none() | PLAYERS)
    def open(self, crate: tuple[str, str], thief: str | None) -> tuple[str, str]:
        owner, crate_id = crate
        status, events = self.ask(OpenCrate(grant_id=crate_id), thief or owner, keyed=False)
        assert status == (200 if thief in {None, owner} else 404)
        for opened in events:
            if isinstance(opened, CrateOpened):
                self.model.opened(owner, crate_id, opened.contents, ROWS)
                return owner, opened.contents.id
        return owner, "none"


TestEconomy = Economy.TestCase
TestEconomy.settings = SETTINGS
