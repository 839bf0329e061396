"""Which of an order's texts are sealed, and for which place. Pure, but for the randomness it is given."""

from __future__ import annotations

from typing import Final

from schemas.playtests.commands import SealedKey
from schemas.playtests.names import order_aggregate
from schemas.seal import Randomness, Sealer

_KEYS: Final = "keys"
_RESPONSE: Final = "qualificationsResponse"
_GAME_KEY: Final = "game key"


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
