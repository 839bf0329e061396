"""Names of this noun that follow from other names: aggregates, boards, attempts, grants, lobbies. All pure.

NOTE: stored. An aggregate's id also decides its partition, and a grant's id is what keeps it from being given
twice: never change a function here for data that exists.
"""

from __future__ import annotations

import base64
import hashlib
import re
import uuid
from typing import Final

PLAYER: Final = "player/"
EVENT: Final = "event/"
WINDOW: Final = "window/"

BOARD_ID_PREFIX: Final = "lb_"
LOBBY_ID_PREFIX: Final = "lob_"
BOT_ID_PREFIX: Final = "bot_"
PSEUDONYM_PREFIX: Final = "forgotten:"
_PSEUDONYM: Final = re.compile(rf"{PSEUDONYM_PREFIX}[0-9a-f]{{32}}")
_DIGEST_BYTES: Final = 15

_ATTEMPTS: Final = uuid.UUID("0f4a54d8-6a0e-5d0a-8a52-3b7b7a3b1c01")
_GRANTS: Final = uuid.UUID("0f4a54d8-6a0e-5d0a-8a52-3b7b7a3b1c02")


def player_aggregate(game_id: str, external_id: str) -> str:
    """Everything of one player is decided here: `player/{game}/{externalId}`."""
    return f"{PLAYER}{game_id}/{external_id}"


def external_id_of(aggregate_id: str) -> str:
    """The player's id in a player aggregate's id; it may hold slashes, a game's id never does."""
    return aggregate_id.split("/", 2)[2]


def pseudonym(fingerprint: str) -> str:
    """What stands for a forgotten player's id on boards and in ledgers: `forgotten:` and 32 hex digits.

    The fingerprint is under the deployment secret, of the game and the id (`forgotten_name`).
    """
    return f"{PSEUDONYM_PREFIX}{fingerprint}"


def is_pseudonym(external_id: str) -> bool:
    """Whether an id has the form of a forgotten player's pseudonym: no player goes by one."""
    return _PSEUDONYM.fullmatch(external_id) is not None


def forgotten_name(game_id: str, external_id: str) -> str:
    """What a pseudonym is a fingerprint of: in another game the same id has another one."""
    return _joined((game_id, external_id))


def event_aggregate(game_id: str, event_key: str, window_id: str) -> str:
    """The groups, lobbies and finalized boards of one (event, window): `event/{game}/{eventKey}/{window}`."""
    return f"{EVENT}{game_id}/{event_key}/{window_id}"


def window_aggregate(game_id: str, event_key: str, window_id: str) -> str:
    """What one partition knows of an (event, window): its pinned definition, its closing marker.

    NOTE: every partition has one of its own. `CloseWindow` is appended to each partition by number, never
    through `partition_of`.
    """
    return f"{WINDOW}{game_id}/{event_key}/{window_id}"


def board_id(
    game_id: str, event_key: str, window_id: str, *, group: int | None = None, segment: str = ""
) -> str:
    """One board for each (event, window), or for each group (from 1) or segment of it: `lb_…`."""
    part = f"g{group}" if group is not None else f"s{segment}" if segment else ""
    return BOARD_ID_PREFIX + _digest("board", game_id, event_key, window_id, part)


def attempt_id(source_id: str) -> str:
    """The attempt that a start command makes: UUID text. Its command and seed are the source."""
    return str(uuid.uuid5(_ATTEMPTS, source_id))


def grant_id(source_id: str, external_id: str, trigger: str, ordinal: int = 0) -> str:
    """The grant that `trigger` gives a player from an attempt or a board: UUID text, the same every time.

    `ordinal` counts the rewards of one definition that share a trigger. A server's grant has its command's id
    as source; a crate's contents have the crate's id.
    """
    parts = (source_id, external_id, trigger, str(ordinal))
    return str(uuid.uuid5(_GRANTS, _joined(parts)))


def lobby_id(event_aggregate_id: str, number: int) -> str:
    """The `number`th lobby (from 1) of an (event, window): `lob_…`."""
    return LOBBY_ID_PREFIX + _digest("lobby", event_aggregate_id, str(number))


def bot_id(lobby: str, place: int) -> str:
    """The bot in a lobby's place (from 1): `bot_…`."""
    return BOT_ID_PREFIX + _digest("bot", lobby, str(place))


def _digest(*names: str) -> str:
    digest = hashlib.sha256(_joined(names).encode("utf-8", "surrogatepass")).digest()
    return base64.b32encode(digest[:_DIGEST_BYTES]).decode().lower()


def _joined(parts: tuple[str, ...]) -> str:
    return "".join(f"{len(part)}:{part}" for part in parts)
