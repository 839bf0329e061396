"""Key batches: definitions, imports, invites, redemptions, links. Invariants hold after every event."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.playtests import batch_events as ev
from schemas.playtests import names
from schemas.playtests.answers import answer_to
from schemas.playtests.batch_answers import ImportAnswer, InvitesAnswer, LinkAnswer, RedeemAnswer
from schemas.playtests.batch_commands import (
    BatchDue,
    CloseBatch,
    DefineBatch,
    ForgetRecipient,
    ImportKeys,
    LinkTester,
    NewInvite,
    OpenInvite,
    RedeemKey,
    RevokeKeys,
    RotateShareToken,
    SealedCode,
    SendInvites,
    UnlinkTester,
)
from schemas.playtests.batch_views import BatchDefinition, KeyState
from schemas.playtests.limits import CODES_PER_COMMAND_MAX, KEYS_PER_BATCH_MAX
from streams.deciders.playtests.batch_state import Batch, Game
from streams.deciders.playtests.noun import PLAYTESTS
from tests.streams.deciders.playtests.given import AT_MS, DAY_MS, GAME, STUDIO, Playtests, kinds, only

BATCH = "ptb_press"
SHARE = "hash of share 1"
OTHER_SHARE = "hash of share 2"
GUESS = "guess"


def definition(**more: Any) -> BatchDefinition:
    fields: dict[str, Any] = {
        "id": BATCH,
        "name": "Press",
        "distribution_target": "steam",
        "fulfillment_source": "studio-uploaded",
        "redemption_mode": "invite",
        "identity_mode": "handle+email",
    }
    return BatchDefinition(**(fields | more))


def codes(*values: str) -> list[SealedCode]:
    return [SealedCode(f"sealed {value}", f"print of {value}") for value in values]


def imported(*values: str, **more: Any) -> ImportKeys:
    return ImportKeys(batch_id=BATCH, codes=codes(*values), **more)


def token_of(email: str) -> str:
    return f"token of {email}"


def invite(email: str) -> NewInvite:
    return NewInvite(
        email=f"sealed {email}", email_fingerprint=f"print of {email}", token_hash=token_of(email)
    )


def redeem(
    token: str = SHARE, handle: str | None = "Ann", email: str | None = None, **more: Any
) -> RedeemKey:
    return RedeemKey(
        batch_id=BATCH,
        token_hash=token,
        claim_token_hash=f"claim of {handle}",
        handle=handle,
        email=f"sealed {email}" if email else None,
        email_fingerprint=f"print of {email}" if email else None,
        **more,
    )


class Batches(Playtests):
    """One batch of a game."""

    def __init__(self, *values: str, **more: Any) -> None:
        super().__init__(credit_cents=0)
        self.given(DefineBatch(definition=definition(**more), share_token_hash=SHARE))
        if values:
            self.given(imported(*values))

    @property
    def batch(self) -> Batch:
        return self.studio.batches[names.batch_aggregate(STUDIO, GAME, BATCH)]

    @property
    def game(self) -> Game:
        return self.studio.games[GAME]

    def key(self, number: int) -> KeyState:
        return self.batch.keys[number].state

    def invited(self, email: str) -> str:
        """An invite's id."""
        return only(ev.InviteSent, self.given(SendInvites(batch_id=BATCH, invites=[invite(email)]))).invite.id


def public(*values: str, **more: Any) -> Batches:
    return Batches(*values, redemption_mode="public", **more)


def test_a_definition_makes_a_batch_once_and_changes_what_may_change() -> None:
    batches = Batches()
    assert batches.batch.batch.share_token_hash == ""
    assert batches.given(DefineBatch(definition=definition())) == []
    changed = definition(name="Friends", expires_at_ms=AT_MS + DAY_MS, instructions="# Hi")
    assert kinds(batches.given(DefineBatch(definition=changed))) == ["BatchDefined"]
    assert batches.batch.batch.definition == changed
    for fixed in (
        {"fulfillment_source": "generated"},
        {"redemption_mode": "public"},
        {"identity_mode": "email"},
    ):
        assert batches.refusal(DefineBatch(definition=definition(**fixed))) == (409, "fixed")


def test_a_closed_batch_gives_nothing_until_it_is_declared_again() -> None:
    batches = public("a")
    assert kinds(batches.given(CloseBatch(batch_id=BATCH))) == ["BatchClosed"]
    assert batches.given(CloseBatch(batch_id=BATCH)) == []
    for body in (
        redeem(),
        imported("b"),
        RotateShareToken(batch_id=BATCH, share_number=2, share_token_hash=OTHER_SHARE),
    ):
        assert batches.refusal(body) == (410, "GONE")
    batches.given(DefineBatch(definition=definition(redemption_mode="public"), share_token_hash=OTHER_SHARE))
    assert batches.batch.batch.share_token_hash == SHARE
    batches.given(redeem())


def test_expiry_holds_whether_or_not_its_due_has_come() -> None:
    batches = public("a", "b", expires_at_ms=AT_MS + DAY_MS)
    batches.at_ms += DAY_MS - 1
    assert batches.given(BatchDue(batch_id=BATCH)) == []
    batches.given(redeem())
    batches.at_ms += 1
    assert batches.refusal(redeem(handle="Bob")) == (410, "GONE")
    assert kinds(batches.given(BatchDue(batch_id=BATCH))) == ["BatchExpired"]
    assert batches.given(BatchDue(batch_id=BATCH)) == []
    assert batches.given(BatchDue(batch_id="ptb_none")) == []
    later = definition(redemption_mode="public", expires_at_ms=AT_MS + 3 * DAY_MS)
    batches.given(DefineBatch(definition=later))
    batches.given(redeem(handle="Bob"))


def test_codes_that_the_studio_has_are_skipped_and_told() -> None:
    batches = Batches("a", "b")
    other = DefineBatch(definition=definition(id="ptb_other"))
    batches.given(other)
    answered = answer_to(batches.given(imported("b", "c", "c", "a", "d")))
    assert answered[1] == ImportAnswer(imported=2, skipped=[0, 2, 3], counts=batches.batch.counts)
    assert [key.code for key in batches.batch.keys.values()] == [f"sealed {value}" for value in "abcd"]
    again = ImportKeys(batch_id="ptb_other", codes=codes("a", "e"))
    assert only(ev.KeysImported, batches.given(again)).skipped == [0]
    assert batches.given(imported("a"))[0] == ev.KeysImported(
        studio_id=STUDIO,
        game_id=GAME,
        batch_id=BATCH,
        keys=[],
        skipped=[0],
        counts=batches.batch.counts,
        created_at_ms=AT_MS,
    )


def test_keys_come_from_the_batchs_source_and_have_an_end() -> None:
    batches = Batches()
    assert batches.refusal(imported("a", generated=True)) == (409, "wrong_source")
    assert batches.refusal(ImportKeys(batch_id="ptb_none", codes=codes("a"))) == (404, "NOT_FOUND")
    for start in range(0, KEYS_PER_BATCH_MAX, CODES_PER_COMMAND_MAX):
        values = [str(number) for number in range(start, start + CODES_PER_COMMAND_MAX)]
        events = batches.when(imported(*values))  # what must hold is looked at once the batch is full
        assert isinstance(events, tuple)
        batches.state = PLAYTESTS.evolve(batches.state, events[0], AT_MS)
    assert batches.batch.counts.available == KEYS_PER_BATCH_MAX
    assert batches.refusal(imported("one more")) == (409, "batch_full")
    assert only(ev.KeysImported, batches.given(imported("0"))).skipped == [0]


def test_an_invite_reserves_a_key_for_each_new_person() -> None:
    batches = Batches("a", "b", "c")
    batches.invited("ann@x")
    more = SendInvites(batch_id=BATCH, invites=[invite("ann@x"), invite("bob@x"), invite("bob@x")])
    events = batches.given(more)
    answer = answer_to(events)[1]
    assert isinstance(answer, InvitesAnswer)
    assert [one.token_hash for one in answer.invites] == ["token of bob@x"]
    assert batches.key(2).status == "reserved"
    assert batches.key(2).invite_id == answer.invites[0].id
    two = SendInvites(batch_id=BATCH, invites=[invite("cai@x"), invite("dan@x")])
    assert batches.refusal(two) == (409, "no_key_left")
    assert batches.given(SendInvites(batch_id=BATCH, invites=[invite("ann@x")])) == []
    assert public("a").refusal(two) == (409, "not_invite")


def test_an_invite_is_opened_once_by_its_own_token() -> None:
    batches = Batches("a")
    invite_id = batches.invited("ann@x")
    wrong = OpenInvite(batch_id=BATCH, invite_id=invite_id, token_hash=GUESS)
    assert batches.refusal(wrong) == (404, "NOT_FOUND")
    right = OpenInvite(batch_id=BATCH, invite_id=invite_id, token_hash=token_of("ann@x"))
    assert only(ev.InviteOpened, batches.given(right)).invite.opened_at_ms == AT_MS
    assert batches.given(right) == []
    batches.given(RevokeKeys(batch_id=BATCH, key_ids=[batches.key(1).id]))
    assert batches.refusal(right) == (410, "GONE")


def test_an_invites_key_is_its_persons_and_used_once() -> None:
    batches = Batches("a", "b")
    ann, bob = batches.invited("ann@x"), batches.invited("bob@x")
    taken = redeem("token of ann@x", "Ann", "bob@x", invite_id=ann)
    assert batches.refusal(taken) == (409, "email_used")
    assert batches.refusal(redeem("token of bob@x", invite_id=ann)) == (404, "NOT_FOUND")
    assert batches.refusal(redeem("token of ann@x", invite_id="tvi_none")) == (404, "NOT_FOUND")
    status, answer = answer_to(batches.given(redeem("token of ann@x", "Ann", "ann@x", invite_id=ann)))
    assert status == 201
    assert isinstance(answer, RedeemAnswer)
    assert (answer.code, answer.key.id) == ("sealed a", batches.key(1).id)
    assert batches.batch.invites[ann].redeemed_at_ms == AT_MS
    assert batches.refusal(redeem("token of ann@x", "Eve", invite_id=ann)) == (409, "used")
    assert batches.refusal(redeem("token of bob@x", "aNN", invite_id=bob)) == (409, "handle_taken")
    batches.given(RevokeKeys(batch_id=BATCH, key_ids=[batches.key(2).id]))
    assert batches.refusal(redeem("token of bob@x", "Bob", invite_id=bob)) == (410, "GONE")


def test_a_public_link_gives_the_next_key_to_each_person() -> None:
    batches = public("a", "b")
    batches.given(redeem(email="ann@x"))
    assert batches.refusal(redeem(handle="Bob", email="ann@x")) == (409, "email_used")
    batches.given(redeem(handle=None))
    assert [batches.key(number).status for number in (1, 2)] == ["redeemed", "redeemed"]
    assert batches.refusal(redeem(handle="Cai")) == (409, "no_key_left")
    assert batches.refusal(redeem("guess", "Cai")) == (404, "NOT_FOUND")
    assert Batches("a").refusal(redeem("", "Cai")) == (404, "NOT_FOUND")


def test_another_public_link_ends_the_former() -> None:
    batches = public("a")
    rotate = RotateShareToken(batch_id=BATCH, share_number=2, share_token_hash=OTHER_SHARE)
    assert only(ev.BatchDefined, batches.given(rotate)).previous_share_token_hash == SHARE
    assert batches.refusal(rotate) == (409, "conflict")
    assert batches.refusal(redeem()) == (404, "NOT_FOUND")
    batches.given(redeem(OTHER_SHARE))
    assert Batches().refusal(rotate) == (409, "not_public")


def test_revoking_is_all_or_nothing_and_unlinks() -> None:
    batches = public("a", "b")
    batches.given(redeem())
    batches.given(linked(batches))
    ids = [batches.key(number).id for number in (1, 2)]
    assert batches.refusal(RevokeKeys(batch_id=BATCH, key_ids=[ids[1], "ptk_none"])) == (404, "NOT_FOUND")
    events = batches.given(RevokeKeys(batch_id=BATCH, key_ids=[*ids, ids[0]]))
    assert kinds(events) == ["KeyRevoked", "TesterUnlinked", "KeyRevoked"]
    assert only(ev.TesterUnlinked, events).reason == "key_revoked"
    assert batches.given(RevokeKeys(batch_id=BATCH, key_ids=ids)) == []
    assert batches.refusal(linked(batches)) == (404, "NOT_FOUND")
    assert batches.refusal(redeem(handle="Bob")) == (409, "no_key_left")


def linked(
    batches: Batches, device_id: str = "d1", number: int = 1, claim: str = "claim of Ann"
) -> LinkTester:
    key_id = batches.key(number).id
    return LinkTester(batch_id=BATCH, key_id=key_id, claim_token_hash=claim, device_id=device_id)


def unlinked(batches: Batches, device_id: str = "d1", claim: str = "claim of Ann") -> UnlinkTester:
    key_id = batches.key(1).id
    return UnlinkTester(batch_id=BATCH, key_id=key_id, claim_token_hash=claim, device_id=device_id)


def test_a_handle_has_one_device_and_a_device_one_handle() -> None:
    batches = public("a", "b")
    batches.given(redeem())
    batches.given(redeem(handle="Bob"))
    first = answer_to(batches.given(linked(batches)))[1]
    assert isinstance(first, LinkAnswer)
    assert (first.link.handle, first.link.device_id, first.link.claimed_at_ms) == ("Ann", "d1", AT_MS)
    batches.at_ms += 5
    again = answer_to(batches.given(linked(batches)))[1]
    assert again == LinkAnswer(link=first.link, already_linked=True)
    assert batches.refusal(linked(batches, "d2")) == (404, "NOT_FOUND")
    assert batches.refusal(linked(batches, "d1", 2, "claim of Bob")) == (404, "NOT_FOUND")
    assert batches.refusal(unlinked(batches, "d2")) == (404, "NOT_FOUND")
    assert batches.refusal(unlinked(batches, claim="guess")) == (404, "NOT_FOUND")
    assert kinds(batches.given(unlinked(batches))) == ["TesterUnlinked"]
    assert batches.given(unlinked(batches)) == []
    batches.given(linked(batches, "d2"))


@pytest.mark.parametrize("claim", ["guess", "", "claim of None"])
def test_only_a_claim_token_of_a_handle_links(claim: str) -> None:
    batches = public("a", "b", "c")
    batches.given(redeem())
    batches.given(redeem(handle=None))
    assert batches.refusal(linked(batches, number=1, claim=claim)) == (404, "NOT_FOUND")
    assert batches.refusal(linked(batches, number=2, claim=claim)) == (404, "NOT_FOUND")
    assert batches.refusal(linked(batches, number=3, claim=claim)) == (404, "NOT_FOUND")


def test_nothing_is_left_of_a_person_who_is_forgotten() -> None:
    batches = Batches("a", "b", "c")
    ann, _ = batches.invited("ann@x"), batches.invited("bob@x")
    batches.given(redeem("token of ann@x", "Ann", "ann@x", invite_id=ann, user_agent="sealed agent"))
    batches.given(linked(batches))
    events = batches.given(ForgetRecipient(email_fingerprints=["print of ann@x", "print of nobody"]))
    assert kinds(events) == ["TesterUnlinked", "RecipientForgotten"]
    redemption = batches.key(1).redemption
    assert redemption is not None
    assert (redemption.email, redemption.handle, redemption.user_agent) == (None, None, None)
    assert batches.batch.invites[ann].email == ""
    assert list(batches.batch.emails) == ["print of bob@x"]
    assert dict(batches.game.handles) == {}
    assert batches.given(ForgetRecipient(email_fingerprints=["print of ann@x"])) == []
