"""Keys imported, invited, redeemed, revoked and linked in any order, against dictionaries.

No key is anybody's twice, no e-mail has two keys of a batch, no handle two keys, no device two handles.
What must hold of the state is checked after every event by `Playtests.given`.
"""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from schemas.codec import Message
from schemas.envelope import CommandRejected
from schemas.playtests import batch_commands as ask
from schemas.playtests import batch_events as ev
from schemas.playtests import names
from streams.deciders.playtests.noun import PLAYTESTS
from tests.streams.deciders.playtests.given import AT_MS, DAY_MS, GAME, STUDIO, only
from tests.streams.deciders.playtests.test_batches import (
    BATCH,
    SHARE,
    Batches,
    definition,
    imported,
    invite,
    redeem,
    token_of,
)

PEOPLE = st.sampled_from(["ann", "bob", "cat"])
HANDLES = st.sampled_from(["Ann", "ANN", "bob", "Cat"])
DEVICES = st.sampled_from(["d1", "d2"])
CODES = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=3)
SETTINGS = settings(max_examples=60, stateful_step_count=40, deadline=None)


class Redemptions(RuleBasedStateMachine):
    """One batch of a game."""

    def __init__(self) -> None:
        super().__init__()
        self.world = Batches()
        self.public = False
        self.codes: list[str] = []
        self.free: list[str] = []
        """Ids of available keys, in order."""
        self.key_of: dict[str, str] = {}
        """By e-mail."""
        self.invites: dict[str, tuple[str, str]] = {}
        """By person: the invite's id and its key's."""
        self.owned: dict[str, str] = {}
        """Redeemed keys, by handle as it was given."""
        self.revoked: set[str] = set()
        self.handles: set[str] = set()
        self.links: dict[str, str] = {}
        """Device by handle without case."""
        self.over = False
        self.expires_at_ms = AT_MS + DAY_MS

    @initialize(public=st.booleans())
    def begin(self, *, public: bool) -> None:
        self.public = public
        mode = "public" if public else "invite"
        self.world = Batches(redemption_mode=mode, expires_at_ms=self.expires_at_ms)

    def said(self, body: Message, expected: int | str) -> list[Message]:
        """200, 404, 410 or the reason of a 409."""
        verdict = self.world.when(body)
        if isinstance(verdict, CommandRejected):
            assert (verdict.code if verdict.status == 409 else verdict.status) == expected
            return []
        assert expected == 200
        return self.world.given(body)

    @rule(codes=CODES)
    def import_keys(self, codes: list[str]) -> None:
        events = self.said(imported(*codes), 410 if self.over else 200)
        new = [code for code in dict.fromkeys(codes) if code not in self.codes]
        if not self.over:
            self.codes += new
            made = only(ev.KeysImported, events).keys
            assert [key.sealed for key in made] == [f"sealed {code}" for code in new]
            self.free += [key.id for key in made]

    @rule(who=PEOPLE)
    def send_invite(self, who: str) -> None:
        email = f"{who}@x"
        expected: int | str = 200
        if self.over:
            expected = 410
        elif self.public:
            expected = "not_invite"
        elif email not in self.key_of and not self.free:
            expected = "no_key_left"
        events = self.said(ask.SendInvites(batch_id=BATCH, invites=[invite(email)]), expected)
        if events:
            sent = only(ev.InviteSent, events)
            assert sent.key.id == self.free.pop(0)
            self.invites[who] = sent.invite.id, sent.key.id
            self.key_of[email] = sent.key.id

    @precondition(lambda self: self.public or self.invites)
    @rule(data=st.data(), handle=HANDLES, email=st.none() | PEOPLE)
    def redeem_key(self, data: st.DataObject, handle: str, email: str | None) -> None:
        address = f"{email}@x" if email else None
        invite_id, key_id = None, self.free[0] if self.free else None
        token = SHARE
        if not self.public:
            who = data.draw(st.sampled_from(sorted(self.invites)), "invite")
            invite_id, key_id = self.invites[who]
            token = token_of(f"{who}@x")
        self.redeemed(redeem(token, handle, address, invite_id=invite_id), key_id, handle, address)

    def redeemed(self, body: Message, key_id: str | None, handle: str, address: str | None) -> None:
        """Ask for a key, which the model says is or is not to be had."""
        events = self.said(body, self.answer(key_id, handle, address))
        if events:
            assert key_id is not None
            redeemed = only(ev.KeyRedeemed, events)
            assert redeemed.key.id == key_id
            assert key_id not in self.owned.values()
            if key_id in self.free:
                self.free.remove(key_id)
            self.owned[handle] = key_id
            self.handles.add(handle.lower())
            if address:
                self.key_of[address] = key_id

    @precondition(lambda self: not self.over)
    @rule(device=DEVICES)
    def newcomer(self, device: str) -> None:
        """Somebody new gets a key by a link of theirs, and links a device where it is free."""
        who = f"n{len(self.codes)}"
        self.import_keys([who])
        if not self.public:
            self.send_invite(who)
        invite_id, key_id = (None, self.free[0]) if self.public else self.invites[who]
        token = SHARE if self.public else token_of(f"{who}@x")
        self.redeemed(redeem(token, who, f"{who}@x", invite_id=invite_id), key_id, who, f"{who}@x")
        self.linked(who, device, link=True, guess=False)
        if not self.public:  # somebody else with the forwarded link
            self.redeemed(redeem(token, "late", invite_id=invite_id), key_id, "late", None)

    def answer(self, key_id: str | None, handle: str, address: str | None) -> int | str:
        if self.over or key_id in self.revoked:
            return 410
        if key_id is None:
            return "no_key_left"
        if key_id in self.owned.values():
            return "used"
        if handle.lower() in self.handles:
            return "handle_taken"
        held = self.key_of.get(address or "")
        return "email_used" if held is not None and held != key_id else 200

    @precondition(lambda self: self.free or self.owned or self.invites)
    @rule(data=st.data())
    def revoke(self, data: st.DataObject) -> None:
        held = {*self.free, *self.owned.values(), *(key for _, key in self.invites.values())}
        key_id = data.draw(st.sampled_from(sorted(held)), "key")
        self.said(ask.RevokeKeys(batch_id=BATCH, key_ids=[key_id]), 200)
        self.revoked.add(key_id)
        if key_id in self.free:
            self.free.remove(key_id)
        for handle, owned in list(self.owned.items()):
            if owned == key_id:
                self.links.pop(handle.lower(), None)
                del self.owned[handle]

    @precondition(lambda self: self.owned)
    @rule(data=st.data(), device=DEVICES, link=st.booleans(), guess=st.booleans())
    def link(self, data: st.DataObject, device: str, *, link: bool, guess: bool) -> None:
        handle = data.draw(st.sampled_from(sorted(self.owned)), "handle")
        self.linked(handle, device, link=link, guess=guess)

    def linked(self, handle: str, device: str, *, link: bool, guess: bool) -> None:
        """Link or unlink, by the claim token or by a guess."""
        kind = ask.LinkTester if link else ask.UnlinkTester
        body = kind(
            batch_id=BATCH,
            key_id=self.owned[handle],
            claim_token_hash="guess" if guess else f"claim of {handle}",
            device_id=device,
        )
        held = self.links.get(handle.lower())
        other = held is not None and held != device
        taken = link and held is None and device in self.links.values()
        refused = guess or other or taken
        self.said(body, 404 if refused else 200)
        if not refused and link:
            self.links[handle.lower()] = device
        elif not refused:
            self.links.pop(handle.lower(), None)

    @rule(body=st.sampled_from(["due", "late", "again"]))
    def time_passes(self, body: str) -> None:
        """A Due that comes early does nothing; at its time the batch is over, with or without it."""
        if body == "late":
            self.world.at_ms = self.expires_at_ms
            self.over = True
        elif body == "due":
            events = self.said(ask.BatchDue(batch_id=BATCH), 200)
            assert not events or self.over
        else:
            mode = "public" if self.public else "invite"
            if self.over:
                self.expires_at_ms = self.world.at_ms + DAY_MS
                later = definition(redemption_mode=mode, expires_at_ms=self.expires_at_ms)
                self.said(ask.DefineBatch(definition=later, share_token_hash=SHARE), 200)
                self.over = False
                self.world.given(ask.BatchDue(batch_id=BATCH))

    @rule()
    def snapshot(self) -> None:
        state = self.world.state
        assert PLAYTESTS.unpack(PLAYTESTS.pack(state)) == state
        batch = state.studios[STUDIO].batches[names.batch_aggregate(STUDIO, GAME, BATCH)]
        redeemed = {key.state.id for key in batch.keys.values() if key.state.status == "redeemed"}
        assert redeemed == set(self.owned.values())


TestRedemptions = Redemptions.TestCase
TestRedemptions.settings = SETTINGS
