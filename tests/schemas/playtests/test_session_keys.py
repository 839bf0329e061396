"""S2 keys of the dashboard's sessions: whose authority they are, until when, and where they are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.edge.ports import Credential, KeyKind
from schemas.edge.session_keys import LIFETIME_MS, SessionKeys
from schemas.fleet.session_authority import S5_SESSIONS
from schemas.identifiers import key_hash
from schemas.playtests.session_authority import S2_SESSIONS

SECRET = b"0123456789abcdef"
NOW_MS = 1_800_000_000_000
MANAGEMENT, OF_A_GAME = key_hash("pl_mgmt_something"), key_hash("sk_something")
SESSION = key_hash("a session's token")
LATER_MS = NOW_MS + 12 * LIFETIME_MS
OURS = [(b"host", b"play.example"), (b"origin", b"https://play.example")]


class Known:
    """The directory's and the sessions' contracts, over two sets."""

    def __init__(self) -> None:
        self.over: dict[str, int] = {}
        self.credentials = {
            MANAGEMENT: Credential(key_id="key_1", kind=KeyKind.MANAGEMENT, studio_id="user_1"),
            OF_A_GAME: Credential(
                key_id="key_2", kind=KeyKind.SECRET_API, studio_id="user_1", game_id="game_1"
            ),
        }

    async def credential_by_hash(self, held: str) -> Credential | None:
        return self.credentials.get(held)

    async def end(self, session: str, expires_at_ms: int) -> None:
        self.over[session] = expires_at_ms

    async def ended(self, session: str) -> bool:
        return session in self.over


def made(known: Known, held: str = MANAGEMENT, until_ms: int = LATER_MS) -> tuple[SessionKeys, str, int]:
    keys = SessionKeys(SECRET, known, known, S2_SESSIONS)
    value, expires_at_ms = keys.issue(SESSION, held, session_expires_at_ms=until_ms, now_ms=NOW_MS)
    return keys, value, expires_at_ms


async def test_it_is_its_studio_s_owner_for_five_minutes() -> None:
    keys, value, expires_at_ms = made(Known())
    assert value.startswith(S2_SESSIONS.prefix)
    assert len(value) <= 512
    assert expires_at_ms == NOW_MS + LIFETIME_MS
    found = await keys.credential(value, OURS, expires_at_ms - 1)
    assert found == Credential(key_id="key_1", kind=KeyKind.PLAYTEST_OWNER, studio_id="user_1")
    assert await keys.credential(value, OURS, expires_at_ms) is None


async def test_another_surface_s_key_is_nobody_s_and_a_game_s_own_is_the_game_s() -> None:
    known = Known()
    playtests, fleet = (SessionKeys(SECRET, known, known, one) for one in (S2_SESSIONS, S5_SESSIONS))
    value, _ = fleet.issue(
        SESSION, MANAGEMENT, session_expires_at_ms=LATER_MS, now_ms=NOW_MS, game_id="game_1"
    )
    assert (fleet.owns(value), playtests.owns(value)) == (True, False)
    assert await fleet.credential(value, OURS, NOW_MS) == Credential(
        key_id="key_1", kind=KeyKind.HOSTING_SERVER, studio_id="user_1", game_id="game_1"
    )
    forged = S2_SESSIONS.prefix + value.removeprefix(S5_SESSIONS.prefix)
    assert await playtests.credential(forged, OURS, NOW_MS) is None


async def test_it_never_outlives_its_session() -> None:
    _, _, expires_at_ms = made(Known(), until_ms=NOW_MS + 1000)
    assert expires_at_ms == NOW_MS + 1000


async def test_signing_out_and_losing_the_key_end_it() -> None:
    known = Known()
    keys, value, _ = made(known)
    await known.end(SESSION, LATER_MS)
    assert await keys.credential(value, OURS, NOW_MS) is None
    known.over.clear()
    assert await keys.credential(value, OURS, NOW_MS) is not None
    del known.credentials[MANAGEMENT]
    assert await keys.credential(value, OURS, NOW_MS) is None


async def test_a_game_s_key_gives_no_authority_over_its_studio() -> None:
    keys, value, _ = made(Known(), OF_A_GAME)
    assert await keys.credential(value, OURS, NOW_MS) is None


@pytest.mark.parametrize(
    "headers",
    [
        [(b"host", b"play.example")],
        [(b"host", b"play.example"), (b"origin", b"https://evil.example")],
        [(b"host", b"play.example"), (b"origin", b"null")],
        [(b"host", b"play.example"), (b"sec-fetch-site", b"cross-site")],
        [*OURS, (b"sec-fetch-site", b"same-site")],
    ],
)
async def test_it_is_nobody_s_where_another_page_asks(headers: list[tuple[bytes, bytes]]) -> None:
    keys, value, _ = made(Known())
    assert await keys.credential(value, headers, NOW_MS) is None


async def test_another_deployment_s_key_is_nobody_s() -> None:
    known = Known()
    _, value, _ = made(known)
    other = SessionKeys(b"another secret of 16", known, known, S2_SESSIONS)
    assert await other.credential(value, OURS, NOW_MS) is None


@given(st.data())
async def test_no_changed_key_is_anybody_s(data: st.DataObject) -> None:
    keys, value, _ = made(Known())
    place = data.draw(st.integers(len(S2_SESSIONS.prefix), len(value) - 1))
    changed = value[:place] + data.draw(st.characters(codec="ascii")) + value[place + 1 :]
    found = await keys.credential(changed, OURS, NOW_MS)
    assert found in (None, await keys.credential(value, OURS, NOW_MS))
