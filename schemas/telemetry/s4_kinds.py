"""S4's four kinds of item as one struct each, for documents: the fields that `s4_complete` knows of a kind.

Decoding uses the one flat `Item`: a union of these would decide by the kind, which S4 leaves to inference.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, get_args, get_type_hints

import msgspec
from msgspec import Meta

from schemas.telemetry.s4_complete import OPTIONAL, REQUIRED
from schemas.telemetry.s4_item import CREATE_PLAYER, FUNNEL_STEP, GAMEPLAY, PLAYER, TRAJECTORY, BoundedItem

Time = Annotated[
    str,
    Meta(
        description="ISO 8601, 0 to 9 fractional digits; without a zone UTC; "
        "2000-01-01 to 24 h after arrival",
        extra_json_schema={"format": "date-time"},
    ),
]


class Fps(msgspec.Struct):
    """Frame rates of a trajectory: mean, and the means of the slowest 5 % and 1 %."""

    mean: float | None = None
    low_5: float | None = None
    low_1: float | None = None


_TIMES: Final = ("timestamp", "timestamp_start", "timestamp_end")
_hints: Final = get_type_hints(BoundedItem, include_extras=True)


def _required(kind: int, name: str) -> Any:
    if kind == PLAYER and name == "event_name":
        return Literal["Create_Player"]
    if name in _TIMES:
        return Time
    bounded = next(one for one in get_args(_hints[name]) if one is not type(None))
    if name == "positions":
        about = "Flat: x, y, z, x, y, z, …; its length is a multiple of 3"
        return Annotated[bounded, Meta(description=about)]
    return Annotated[bounded, Meta(min_length=1)]


def _struct(name: str, kind: int, about: str) -> type[msgspec.Struct]:
    required = [(field, _required(kind, field)) for field in REQUIRED[kind]]
    optional = [(field, Fps | None if field == "fps" else _hints[field], None) for field in OPTIONAL[kind]]
    return msgspec.defstruct(name, [*required, *optional], namespace={"__doc__": about})


KINDS: Final = (
    _struct("Player", PLAYER, f"Player metadata: `event_name` is {CREATE_PLAYER}."),
    _struct("FunnelStep", FUNNEL_STEP, "A step of a funnel."),
    _struct("GameplayEvent", GAMEPLAY, "Anything that happened in the game."),
    _struct("Trajectory", TRAJECTORY, "Where a player was for some seconds, and how smoothly it ran."),
)
