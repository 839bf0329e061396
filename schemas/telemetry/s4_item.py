"""The S4 item as a struct, its limits, and the two ways a request's items can be refused.

Source: the S4 reference and contract/telemetry.md, "S4 ingest". `schemas/telemetry/s4.py` decodes into it.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from schemas.identifiers import ID_CHARACTERS_MAX, NAME_CHARACTERS_MAX, id_problem, name_problem
from schemas.telemetry.values import Finite, Properties, Value

BODY_BYTES_MAX: Final = 4 * 1024 * 1024
ITEMS_MAX: Final = 10_000
TRAJECTORY_POINTS_MAX: Final = 10_000
REQUEST_POINTS_MAX: Final = 1_000_000

PLAYER: Final = 1
FUNNEL_STEP: Final = 2
GAMEPLAY: Final = 3
TRAJECTORY: Final = 4
KIND_NAMES: Final = {
    PLAYER: "player",
    FUNNEL_STEP: "funnel_step",
    GAMEPLAY: "gameplay",
    TRAJECTORY: "trajectory",
}

CREATE_PLAYER: Final = "Create_Player"

_Unwired = Annotated[int, Meta(ge=1, le=0)]
"""No integer satisfies it, so that a field of this type can't come from the wire."""
_UnwiredMap = Annotated[dict[str, Any], Meta(min_length=1, max_length=0)]


class Item(
    msgspec.Struct,
    forbid_unknown_fields=True,
    gc=False,
    rename={"kind": "·kind", "at_ms": "·at_ms", "end_ms": "·end_ms", "extras": "·extras"},
):
    """One S4 item. Which fields are set follows from `kind`; a field that was missing or nil is None.

    A field that another kind knows (`fps` on a gameplay event) is an extra field: it is in `extras`.
    `positions` is flat (x, y, z, x, y, z, …); `at_ms` is `timestamp` or `timestamp_start`, `end_ms` is
    `timestamp_end` (0 where the kind has none), unix milliseconds.
    """

    event_name: str | None = None
    app_id: str | None = None
    build_id: str | None = None
    player_id: str | None = None
    session_id: str | None = None
    level_id: str | None = None
    position: Annotated[list[Finite], Meta(min_length=2, max_length=3)] | None = None
    custom_data: Value = None
    input_method: str | None = None
    timestamp: str | None = None
    funnel_step_name: str | None = None
    status: str | None = None
    fps: Annotated[dict[str, Finite | None], Meta(max_length=256)] | None = None
    positions: Annotated[list[Finite], Meta(max_length=3 * TRAJECTORY_POINTS_MAX)] | None = None
    timestamp_start: str | None = None
    timestamp_end: str | None = None
    region: str | None = None
    hardware: Properties | None = None
    source: str | None = None
    environment: str | None = None
    kind: _Unwired = 0
    at_ms: _Unwired = 0
    end_ms: _Unwired = 0
    extras: _UnwiredMap | None = None


_Id = Annotated[str, Meta(max_length=ID_CHARACTERS_MAX)]
_Name = Annotated[str, Meta(max_length=NAME_CHARACTERS_MAX)]


class BoundedItem(Item, gc=False):
    """An item as it may arrive: texts that rows are kept under have a length. Older logs hold longer ones."""

    event_name: _Name | None = None
    build_id: _Name | None = None
    player_id: _Id | None = None
    session_id: _Id | None = None
    level_id: _Name | None = None
    input_method: _Name | None = None
    funnel_step_name: _Name | None = None
    status: _Name | None = None
    region: _Name | None = None


NAMES: Final = (
    "event_name",
    "funnel_step_name",
    "build_id",
    "level_id",
    "input_method",
    "status",
    "region",
)


def check_texts(item: Item, index: int) -> None:
    """Raise `InvalidPayload` where an id or a name of an item breaks the rule of `schemas/identifiers.py`."""
    for field in ("player_id", "session_id"):
        value = getattr(item, field)
        problem = None if value is None else id_problem(value)
        if problem is not None:
            raise InvalidPayload(f"{field} {problem}", index, field)
    for field in NAMES:
        value = getattr(item, field)
        problem = None if value is None else name_problem(value)
        if problem is not None:
            raise InvalidPayload(f"{field} {problem}", index, field)


class InvalidPayload(ValueError):
    """400: the first bad item. `index` and `field` are None where the body as a whole can't be read."""

    def __init__(self, message: str, index: int | None = None, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.index = index
        self.field = field


class PayloadTooLarge(ValueError):
    """413: more trajectory points than one request may carry."""
