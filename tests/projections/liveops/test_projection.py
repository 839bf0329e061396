"""What a player's commands leave in Redis, and that applying them again or anew gives the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from projections.redis.reader import RedisReader
from projections.redis.rebuild import rebuild
from schemas.liveops import commands as ask
from schemas.liveops.ports import LEDGER_HEAD, WindowBoard
from schemas.liveops.views import GrantEntry
from schemas.liveops.windows import window_from_id
from tests.projections.liveops.support import PARTITIONS, STUDIO_ID
from tests.streams.deciders.liveops.given import CRATE, GAME_ID, GOLD, event

if TYPE_CHECKING:
    from tests.projections.liveops.support import Projected

pytestmark = pytest.mark.stack
DAY_MS = 86_400_000
ONE, TWO = "hash-1", "hash-2"
GOLDS = [GrantEntry(type="currency", key="gold", quantity=5)]


def progress(attempt_id: str, value: float, mode: str = "increment") -> ask.ReportProgress:
    return ask.ReportProgress(event_key="frags", attempt_id=attempt_id, mode=mode, metric_value=value)  # type: ignore[arg-type]


async def play(projected: Projected, external_id: str, value: float, partition: int = 0) -> str:
    """Start and score; the board's id."""
    liveops = projected.liveops
    start = ask.StartAttempt(event_key="frags", window_id=liveops.window())
    events = await projected.given(start, external_id, partition=partition)
    attempt = events[-1].attempt
    await projected.given(progress(attempt.id, value), external_id, partition=partition)
    return str(attempt.board_id)


async def test_a_wallet_its_ledger_and_their_bounds(projected: Projected) -> None:
    await projected.open()
    for _ in range(LEDGER_HEAD + 5):
        await projected.given(ask.CreditWallet(economy_key="gold", amount=3))
    await projected.given(ask.DebitWallet(economy_key="gold", amount=3 * (LEDGER_HEAD + 5)))
    await projected.given(ask.GrantItem(item_key="medkit", quantity=2))
    queries = projected.queries
    (gold,) = await queries.wallet(GAME_ID, "ann")
    assert (gold.key, gold.quantity) == ("gold", 0)
    assert [(row.key, row.quantity) for row in await queries.inventory(GAME_ID, "ann")] == [("medkit", 2)]
    ledger = await queries.ledger_head(GAME_ID, "ann")
    assert [row.movement.number for row in ledger] == list(range(LEDGER_HEAD + 7, 7, -1))
    await projected.given(ask.ConsumeItem(item_key="medkit", quantity=2))
    assert await queries.inventory(GAME_ID, "ann") == []
    assert await queries.wallet(GAME_ID, "nobody") == []


async def test_grants_are_pending_until_claimed_and_a_crate_leaves_its_contents(projected: Projected) -> None:
    await projected.open()
    projected.liveops.define(event(), event("other"))
    (_, given) = await projected.given(ask.GiveGrant(entries=GOLDS))
    projected.liveops.at_ms += 1
    queries = projected.queries
    (grant,) = await queries.pending_grants(GAME_ID, "ann")
    assert grant == given.grant
    await projected.given(ask.ClaimGrant(grant_id=grant.id))
    assert await queries.pending_grants(GAME_ID, "ann") == []
    (gold,) = await queries.wallet(GAME_ID, "ann")
    assert gold.quantity == 5


async def test_a_player_registers_and_rotates(projected: Projected) -> None:
    await projected.open()
    assert await projected.queries.player(GAME_ID, "ann") is None
    await projected.given(ask.RegisterPlayer(secret_hash=ONE))
    await projected.given(ask.RotatePlayerSecret(secret_hash=TWO))
    row = await projected.queries.player(GAME_ID, "ann")
    assert row is not None
    assert (row.external_id, row.secret_hash) == ("ann", TWO)


async def test_a_board_ranks_by_score_then_by_who_was_first(projected: Projected) -> None:
    await projected.open()
    board_id = ""
    for external_id, value in (("late", 7), ("low", 1), ("top", 9), ("bot_x", 7)):
        projected.liveops.at_ms += 10
        board_id = await play(projected, external_id, value)
    view = await projected.queries.view(GAME_ID, board_id, 3, "low")
    assert view is not None
    assert [(row.rank, row.external_id, row.score) for row in view.entries] == [
        (1, "top", 9.0),
        (2, "late", 7.0),
        (3, "bot_x", 7.0),
    ]
    assert view.total_players == 4
    assert view.self_entry is not None
    assert (view.self_entry.rank, view.self_entry.is_bot) == (4, False)
    assert await projected.queries.rank(GAME_ID, board_id, "late") == 2
    assert await projected.queries.rank(GAME_ID, board_id, "nobody") is None
    assert await projected.queries.view(GAME_ID, "lb_none", 10) is None
    window_id = projected.liveops.window()
    run, none = await projected.queries.runs(GAME_ID, "top", [("frags", window_id), ("frags", "w_1_2")])
    assert none is None
    assert run is not None
    assert (run.attempts_used, run.attempt.score, run.attempt.board_id) == (1, 9.0, board_id)


async def test_applied_again_nothing_changes_and_a_rebuild_is_equal(projected: Projected) -> None:
    await projected.open()
    projected.liveops.define(
        event(
            rewards=[{"trigger": "score >= 5", "crate": CRATE}, {"trigger": "rank <= 1", "entries": [GOLD]}]
        )
    )
    board_id = await play(projected, "ann", 7)
    await play(projected, "bob", 3)
    (crate,) = await projected.queries.pending_grants(GAME_ID, "ann")
    await projected.given(ask.OpenCrate(grant_id=crate.id))
    before = await projected.queries.view(GAME_ID, board_id, 10)
    again = RedisReader(projected.redis, projected.noun, log=projected.log)
    assert await again.assigned(0) == len(projected.records)
    for record in projected.records:
        await again.handle(record)
    assert await projected.queries.view(GAME_ID, board_id, 10) == before
    same = await rebuild(
        projected.redis,
        projected.noun,
        log=projected.log,
        generation="v1",
        progress=lambda _done, _total: None,
        verify=True,
    )
    assert same.different == []
    assert same.keys > 8


async def test_a_window_is_due_until_it_is_closed_everywhere_and_its_boards_are_final(
    projected: Projected,
) -> None:
    await projected.open()
    queries = projected.queries
    board_id = await play(projected, "ann", 7)
    window_id = projected.liveops.window()
    ends_at_ms = window_from_id(window_id).ends_at_ms
    assert await queries.windows_over(ends_at_ms - 1, 10) == []
    (row,) = await queries.windows_over(ends_at_ms, 10)
    assert (row.studio_id, row.window_id, row.closed_partitions) == (STUDIO_ID, window_id, frozenset())
    projected.liveops.at_ms = ends_at_ms
    await projected.given(ask.CloseWindow(event_key="frags", window_id=window_id))
    (row,) = await queries.windows_over(ends_at_ms, 10)
    assert row.closed_partitions == {0}
    assert await queries.boards_of(row, 10) == [
        WindowBoard(board_id=board_id, next_chunk=0, frozen=0, finalized=False)
    ]
    entries = await queries.ranks(GAME_ID, board_id, 0, 10)
    assert [(entry.rank, entry.external_id, entry.score) for entry in entries] == [(1, "ann", 7.0)]
    freeze = ask.FinalizeBoard(
        event_key="frags", window_id=window_id, board_id=board_id, chunk=0, entries=entries, last=True
    )
    await projected.given(freeze)
    board = await queries.board(GAME_ID, board_id)
    assert board is not None
    assert (board.finalized_at_ms, board.total_players) == (ends_at_ms, 1)
    assert await queries.boards_of(row, 10) == []
    assert len(await queries.windows_over(ends_at_ms, 10)) == 1
    for partition in range(1, PARTITIONS):
        await _close_elsewhere(projected, window_id, partition)
    assert await queries.windows_over(ends_at_ms, 10) == []


async def _finish(projected: Projected, at_ms: int) -> str:
    """A window that was open then is played in, closed everywhere and finalized; its id."""
    projected.liveops.at_ms = at_ms
    board_id = await play(projected, "ann", 7)
    window_id = projected.liveops.window()
    projected.liveops.at_ms = window_from_id(window_id).ends_at_ms
    await projected.given(ask.CloseWindow(event_key="frags", window_id=window_id))
    entries = await projected.queries.ranks(GAME_ID, board_id, 0, 10)
    freeze = ask.FinalizeBoard(
        event_key="frags", window_id=window_id, board_id=board_id, chunk=0, entries=entries, last=True
    )
    await projected.given(freeze)
    for partition in range(1, PARTITIONS):
        await _close_elsewhere(projected, window_id, partition)
    return window_id


async def _verify(projected: Projected) -> list[str]:
    found = await rebuild(
        projected.redis,
        projected.noun,
        log=projected.log,
        generation="v1",
        progress=lambda _done, _total: None,
        verify=True,
    )
    return found.different


async def test_what_is_kept_of_a_window_goes_two_days_after_it(projected: Projected) -> None:
    await projected.open()
    redis: Any = projected.redis
    now_ms = int((await redis.time())[0]) * 1000
    window_id = await _finish(projected, now_ms)
    name = f"{STUDIO_ID}/{GAME_ID}/frags/{window_id}"
    gone_at_ms = window_from_id(window_id).ends_at_ms + 2 * DAY_MS
    for kind in ("window", "closed"):
        assert await redis.pexpiretime(f"liveops:1:{kind}:{name}") == gone_at_ms
    assert await projected.queries.pins(STUDIO_ID, GAME_ID, "frags", window_id)
    assert await _verify(projected) == []


async def test_of_a_window_of_long_ago_nothing_is_left_and_what_an_older_release_left_is_no_difference(
    projected: Projected,
) -> None:
    await projected.open()
    redis: Any = projected.redis
    now_ms = int((await redis.time())[0]) * 1000
    window_id = await _finish(projected, now_ms - 30 * DAY_MS)
    assert await projected.queries.windows_over(now_ms, 10) == []
    for kind in ("window", "closed"):
        assert await redis.keys(f"liveops:1:{kind}:*") == []
    await redis.hset(f"liveops:1:window:{STUDIO_ID}/{GAME_ID}/frags/{window_id}", "0", "row")
    assert await _verify(projected) == []


async def _close_elsewhere(projected: Projected, window_id: str, partition: int) -> None:
    """Another partition's decider knows nothing of this one's."""
    fresh = type(projected.liveops)()
    fresh.at_ms = projected.liveops.at_ms
    projected.liveops = fresh
    await projected.given(ask.CloseWindow(event_key="frags", window_id=window_id), partition=partition)


async def test_a_stream_tells_progress_with_the_rank_of_its_moment(projected: Projected) -> None:
    await projected.open()
    now_ms = int(float((await projected.redis.time())[0]) * 1000)
    projected.liveops.at_ms = now_ms
    board_id = await play(projected, "ann", 7)
    await play(projected, "bob", 9)
    entries: Any = await projected.redis.xrange(f"liveops:1:stream:{board_id}")
    assert [fields[b"r"] for _, fields in entries] == [b"1", b"1"]
    assert b'"externalId":"bob"' in entries[1][1][b"d"]
    assert b'"previousScore":null' in entries[1][1][b"d"]
