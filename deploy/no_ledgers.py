"""Stands where playtests' queries want ledgers and a process reads none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.edge.ports import StoreUnavailable

if TYPE_CHECKING:
    from schemas.playtests.account_views import LedgerRow
    from schemas.playtests.ports import Place


class NoLedgers:
    """For processes that read no ledger."""

    async def ledger(
        self, studio_id: str, playtester_id: str, *, limit: int, before: Place | None = None
    ) -> list[LedgerRow]:
        """Nothing is known here."""
        del limit, before
        raise StoreUnavailable(f"the ledgers of {studio_id} {playtester_id} are not read here")
