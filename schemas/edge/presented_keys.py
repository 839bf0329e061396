"""Whose key a request presents, among the kinds of keys that one surface takes."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

from schemas.edge.authentication import Ambiguous, Headers
from schemas.edge.credentials import Credentials
from schemas.edge.ports import Credential, Directory, KeyKind
from schemas.edge.session_keys import SessionKeys


class PresentedKeys:
    """Checks of one process. Without `session_keys` the dashboard's sessions have no authority here.

    `presented` reads a surface's key from the headers: empty for none; it raises Ambiguous for several.
    """

    def __init__(
        self,
        directory: Directory,
        presented: Callable[[Headers], str],
        kinds: Collection[KeyKind],
        now_ms: Callable[[], int],
        session_keys: SessionKeys | None = None,
    ) -> None:
        self._credentials: Final = Credentials(directory)
        self._presented = presented
        self._kinds = kinds
        self._now_ms = now_ms
        self._session_keys = session_keys

    async def credential(self, headers: Headers) -> Credential | None:
        """What the key stands for; None for none, several, and one of another surface.

        Raises StoreUnavailable.
        """
        try:
            presented = self._presented(headers)
            if self._session_keys is not None and self._session_keys.owns(presented):
                return await self._session_keys.credential(presented, headers, self._now_ms())
        except Ambiguous:
            return None
        found = await self._credentials.credential(presented) if presented else None
        return found if found is not None and found.kind in self._kinds else None
