"""S2's keys of the dashboard's sessions: an owner's authority, in `Authorization: Bearer`."""

from __future__ import annotations

from typing import Final

from schemas.edge.ports import KeyKind
from schemas.edge.session_keys import Authority

S2_SESSIONS: Final = Authority(
    prefix="wpg_ds_", purpose=b"questlog.playtests-session-key.v1", kind=KeyKind.PLAYTEST_OWNER
)
