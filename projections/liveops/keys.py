"""Every Redis key of liveops, relative: each is prefixed by the noun's generation, `liveops:<generation>:`.

Players: `player:<game>/<player>` hash (`row` -> PlayerRow) · `run:<game>/<player>/<event>/<window>` RunRow,
until a day after the window · `wallet:…`, `items:…` hash key -> HoldingRow · `grants:…` hash id -> pending
Grant · `ledger:…` hash number -> LedgerRow, the newest LEDGER_HEAD. Boards: `board:<id>` hash (`row` ->
BoardRow, `chunk` -> (next chunk, ranks frozen), `final` -> (when, players),
`gone` -> when its entries go) · `entries:<id>` sorted set,
ascending, of places · `members:<id>` hash who -> place · `stream:<id>` events for subscribers.

Time: `windows` sorted set window -> end · `window:<window>` hash partition -> WindowRow as it opened there ·
`closed:<window>` set of partitions, both until two days after a window that is finalized ·
`boards:<window>` set of boards not finalized · `lobby:<id>` hash
(`row`, `status`, `bots`, `server` -> region, where it gets one, `p:<player>` -> joined at) · `lobbies` sorted
set lobby -> due at. Forgotten players: `forgotten:<game>/<partition>` set of their pseudonyms, which stand in
`members`, `entries` and lobbies where they were. Values that are no text are MessagePack.
"""

from __future__ import annotations

from typing import Final

from schemas.liveops.windows import window_from_id

NOUN: Final = "liveops"
WINDOWS: Final = "windows"
LOBBIES: Final = "lobbies"
PLAYER_KINDS: Final = ("player", "wallet", "items", "grants", "ledger")
"""Of the keys that `player_key` names."""
BOT: Final = ";"
"""Stands where a player's place has `:`, and before a bot's id among a board's members."""
_TIME_DIGITS: Final = 14
_DAY_MS: Final = 86_400_000


def player_key(kind: str, game_id: str, external_id: str) -> str:
    """A player's key of a kind: player, wallet, items, grants or ledger."""
    return f"{kind}:{game_id}/{external_id}"


def forgotten_key(game_id: str, partition: int) -> str:
    """The pseudonyms of a game's players whom a partition has forgotten."""
    return f"forgotten:{game_id}/{partition}"


def run_key(game_id: str, external_id: str, event_key: str, window_id: str) -> str:
    """A player's run in a window."""
    return f"run:{game_id}/{external_id}/{event_key}/{window_id}"


def board_key(board_id: str) -> str:
    """A board's row and how far it is finalized."""
    return f"board:{board_id}"


def entries_key(board_id: str) -> str:
    """A board's places in order."""
    return f"entries:{board_id}"


def members_key(board_id: str) -> str:
    """Who has which place."""
    return f"members:{board_id}"


def stream_key(board_id: str) -> str:
    """The events for a board's subscribers."""
    return f"stream:{board_id}"


def lobby_key(lobby_id: str) -> str:
    """A lobby."""
    return f"lobby:{lobby_id}"


def lobby_field(external_id: str) -> str:
    """The field of a player in a lobby."""
    return f"p:{external_id}"


def window_name(studio_id: str, game_id: str, event_key: str, window_id: str) -> str:
    """A window in `windows`. None of its parts holds a slash."""
    return f"{studio_id}/{game_id}/{event_key}/{window_id}"


def window_gone_at_ms(window_id: str) -> int:
    """When what is held of a window may go, where nothing is left to do for it.

    A start of the window may be repeated with its idempotency key for a day, and needs the window's pin.
    """
    return window_from_id(window_id).ends_at_ms + 2 * _DAY_MS


def is_gone(key: str, now_ms: int) -> bool:
    """Whether a key may have gone: releases before these keys expired have left them."""
    kind, _, window = key.partition(":")
    return kind in {"window", "closed"} and window_gone_at_ms(window.rpartition("/")[2]) <= now_ms


def place(achieved_at_ms: int, external_id: str, *, bot: bool = False) -> str:
    """An entry's member: equal scores rank by who got there first, then by id."""
    return f"{achieved_at_ms:0{_TIME_DIGITS}d}{BOT if bot else ':'}{external_id}"


def who(external_id: str, *, bot: bool = False) -> str:
    """The field of an entry among a board's members: no player can be taken for a bot."""
    return f"{BOT}{external_id}" if bot else f":{external_id}"


def read_place(member: str) -> tuple[int, str, bool]:
    """When, who, and whether it is a bot."""
    return int(member[:_TIME_DIGITS]), member[_TIME_DIGITS + 1 :], member[_TIME_DIGITS] == BOT
