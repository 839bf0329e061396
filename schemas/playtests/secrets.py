"""Which texts of an order, and of a batch of keys, are sealed, and for which place.

Pure, but for the randomness it is given.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

from msgspec import UNSET, UnsetType

from schemas.playtests.batch_views import Batch
from schemas.playtests.names import batch_aggregate, order_aggregate
from schemas.playtests.order_commands import SealedKey
from schemas.playtests.tokens import shown_share_token
from schemas.seal import DataKey, Randomness, Sealer

_KEYS: Final = "keys"
_RESPONSE: Final = "qualificationsResponse"
_GAME_KEY: Final = "game key"
_CODE: Final = "code"
_EMAIL: Final = "email"


class OrderSecrets:
    """The secrets of one order: its game keys, and what applicants say of themselves."""

    def __init__(self, sealer: Sealer, studio_id: str, order_id: str) -> None:
        self._sealer = sealer
        self._studio_id = studio_id
        self._aggregate_id = order_aggregate(studio_id, order_id)

    def seal_keys(self, keys: list[str], randomness: Randomness) -> list[SealedKey]:
        """Game keys, sealed, each with what tells whether the studio has an equal one."""
        data_key = self._sealer.data_key(self._studio_id, self._aggregate_id, randomness)
        return [
            SealedKey(
                data_key.seal(_KEYS, key, randomness),
                self._sealer.fingerprint(self._studio_id, _GAME_KEY, key),
            )
            for key in keys
        ]

    def old_fingerprints(self, keys: list[str]) -> list[list[str]] | UnsetType:
        """Of each key, under every former secret: what the studio got before is its equal still."""
        return former(self._sealer.fingerprints(self._studio_id, _GAME_KEY, key) for key in keys)

    def seal_response(self, text: str, randomness: Randomness) -> str:
        """An applicant's text, sealed."""
        data_key = self._sealer.data_key(self._studio_id, self._aggregate_id, randomness)
        return data_key.seal(_RESPONSE, text, randomness)

    def open_key(self, sealed: str | None) -> str | None:
        """A game key in clear; None where there is none. Raises SealBroken."""
        return self._open(_KEYS, sealed)

    def open_response(self, sealed: str | None) -> str | None:
        """An applicant's text in clear; None once the person is forgotten. Raises SealBroken."""
        return self._open(_RESPONSE, sealed)

    def _open(self, field: str, sealed: str | None) -> str | None:
        if not sealed:
            return None
        return self._sealer.open(
            sealed, studio_id=self._studio_id, aggregate_id=self._aggregate_id, field=field
        )


class BatchSecrets:
    """What is sealed for one batch of keys: codes, and who was invited or redeemed one."""

    def __init__(self, sealer: Sealer, studio_id: str, game_id: str, batch_id: str) -> None:
        self._sealer = sealer
        self._studio_id = studio_id
        self._aggregate_id = batch_aggregate(studio_id, game_id, batch_id)

    def data_key(self, randomness: Randomness) -> DataKey:
        """Seals for this batch, fields as they are named below."""
        return self._sealer.data_key(self._studio_id, self._aggregate_id, randomness)

    def code(self, sealed: str) -> str:
        """A key's code, for the person who redeems it alone. Raises SealBroken, as all of these."""
        return self._sealer.open(
            sealed, studio_id=self._studio_id, aggregate_id=self._aggregate_id, field="keys"
        )

    def text(self, field: Literal["email", "note", "userAgent"], sealed: str | None) -> str | None:
        """A text in clear; None where there is none, or none any more."""
        if not sealed:
            return None
        return self._sealer.open(
            sealed, studio_id=self._studio_id, aggregate_id=self._aggregate_id, field=field
        )

    def share_token(self, batch: Batch) -> str | None:
        """The token of the public link that is in force; None where there is none."""
        return shown_share_token(self._sealer, self._aggregate_id, batch.share_number, batch.share_token_hash)


def code_fingerprints(sealer: Sealer, studio_id: str, code: str) -> tuple[str, ...]:
    """What tells whether a studio has a code, under each known secret. Codes are never trimmed."""
    return sealer.fingerprints(studio_id, _CODE, code)


def mailbox(email: str) -> str:
    """Equal for all spellings of one mailbox: case and surrounding spaces make no other."""
    return email.strip().casefold()


def email_fingerprints(sealer: Sealer, studio_id: str, email: str) -> tuple[str, ...]:
    """One mailbox's, under each known secret."""
    return sealer.fingerprints(studio_id, _EMAIL, mailbox(email))


def former(fingerprints: Iterable[tuple[str, ...]]) -> list[list[str]] | UnsetType:
    """Those under former secrets, of each; absent where no value has any."""
    found = [list(one[1:]) for one in fingerprints]
    return found if any(found) else UNSET
