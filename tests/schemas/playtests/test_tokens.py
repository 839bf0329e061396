from __future__ import annotations

from schemas.identifiers import key_hash
from schemas.playtests.tokens import (
    CLAIM_PREFIX,
    claim_token,
    invite_token,
    share_token,
    shown_claim_token,
    shown_share_token,
)
from schemas.seal import Sealer

BEFORE, AFTER = Sealer(b"first"), Sealer(b"second", [b"first"])


def test_each_token_is_for_one_thing_alone() -> None:
    made = {
        invite_token(BEFORE, "a"),
        invite_token(BEFORE, "b"),
        share_token(BEFORE, "a", 1),
        share_token(BEFORE, "a", 11),
        share_token(BEFORE, "a1", 1),
        claim_token(BEFORE, "a", "Ann"),
        claim_token(BEFORE, "a", "Bob"),
        invite_token(AFTER, "a"),
    }
    assert len(made) == 8
    assert claim_token(BEFORE, "a", "Ann").startswith("pl_tt_")
    assert all(len(token.removeprefix("pl_tt_")) == 40 for token in made)
    assert invite_token(BEFORE, "a") == invite_token(Sealer(b"first"), "a")


def test_a_link_in_force_is_shown_across_a_change_of_the_secret() -> None:
    token = share_token(BEFORE, "batch", 2)
    assert shown_share_token(AFTER, "batch", 2, key_hash(token)) == token
    assert shown_share_token(AFTER, "batch", 1, key_hash(token)) is None
    assert shown_share_token(AFTER, "batch", 0, "") is None


def test_a_claim_is_shown_as_it_was_given_out() -> None:
    given = claim_token(BEFORE, "command", "Ann")
    formerly = CLAIM_PREFIX + BEFORE.tokens("claim", "command")[0]
    for token in (given, formerly):
        assert shown_claim_token(AFTER, "command", "Ann", key_hash(token)) == token
        assert shown_claim_token(AFTER, "other", "Ann", key_hash(token)) is None
