"""S5's keys of the dashboard's sessions: a server key's authority over one project, in `api-key`."""

from __future__ import annotations

from typing import Final

from schemas.edge.ports import KeyKind
from schemas.edge.session_keys import Authority

S5_SESSIONS: Final = Authority(
    prefix="pf_ds_", purpose=b"questlog.fleet-session-key.v1", kind=KeyKind.HOSTING_SERVER
)
