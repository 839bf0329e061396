"""Tokens of key batches: links to redeem a key, and claims of a handle. The log has their hashes alone.

All follow from the deployment secret and from what they are for, so that a link is shown again without being
kept anywhere. Source: contract/playtests.md, "Key batches".
"""

from __future__ import annotations

from typing import Final

from schemas.identifiers import key_hash
from schemas.seal import Sealer

CLAIM_PREFIX: Final = "pl_tt_"


def invite_token(sealer: Sealer, invite_id: str) -> str:
    """The token of an invite's link, as it is sent."""
    return sealer.tokens("invite", invite_id)[0]


def shown_invite_token(sealer: Sealer, invite_id: str, token_hash: str) -> str | None:
    """The token that was sent, under whichever secret it was made; None where it is not known."""
    tokens = sealer.tokens("invite", invite_id)
    return next((token for token in tokens if key_hash(token) == token_hash), None)


def share_token(sealer: Sealer, batch_aggregate: str, share_number: int) -> str:
    """The token of a public batch's link; each rotation, counted from 1, is another."""
    return sealer.tokens("share", batch_aggregate, str(share_number))[0]


def shown_share_token(sealer: Sealer, batch_aggregate: str, share_number: int, token_hash: str) -> str | None:
    """The token that is in force, under whichever secret it was made; None where there is none."""
    tokens = sealer.tokens("share", batch_aggregate, str(share_number))
    return next((token for token in tokens if key_hash(token) == token_hash), None)


def claim_token(sealer: Sealer, command_id: str, handle: str) -> str:
    """What links the handle of the key that a command redeemed to a device.

    Of the handle too: a key under which a command was forgotten and is asked again redeems another one.
    """
    return CLAIM_PREFIX + sealer.tokens("claim", command_id, handle.lower())[0]


def shown_claim_token(sealer: Sealer, command_id: str, handle: str, token_hash: str) -> str | None:
    """The token that was given out, under whichever secret it was made; None where it is not known.

    Formerly a token followed from the command alone.
    """
    made = (*sealer.tokens("claim", command_id, handle.lower()), *sealer.tokens("claim", command_id))
    tokens = (CLAIM_PREFIX + one for one in made)
    return next((token for token in tokens if key_hash(token) == token_hash), None)
