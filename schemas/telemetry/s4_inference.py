"""Which of the four kinds an S4 item is, by the fields that it has, and the times that go with it. Pure.

Source: the S4 reference. An item with a field that only another kind knows goes the complete path.
"""

from __future__ import annotations

from schemas.telemetry.s4_item import CREATE_PLAYER, FUNNEL_STEP, GAMEPLAY, PLAYER, TRAJECTORY, Item
from schemas.timestamps import unix_ms

_NONE = {count: (None,) * count for count in (3, 5, 6)}
"""What the fields of other kinds must equal."""


def finish(item: Item) -> bool:
    """Set kind and times of an item; False where it needs the complete path.

    That is so for every item that is wrong, and for one with a field that only another kind knows. Raises
    `TimestampError`.
    """
    if not (item.app_id and item.build_id and item.player_id):
        return False
    if item.funnel_step_name is not None:
        return _is_funnel_step(item)
    if item.positions is not None or item.timestamp_start is not None:
        return _is_trajectory(item)
    if item.event_name == CREATE_PLAYER:
        return _is_player(item)
    # Most items are gameplay events: judged here, since a call and a tuple cost a tenth of an item.
    if not (item.event_name and item.session_id and item.timestamp):
        return False
    item.kind = GAMEPLAY
    item.at_ms = unix_ms(item.timestamp)
    plain = item.fps is None and item.status is None and item.timestamp_end is None
    return plain and item.region is None and item.hardware is None


def _is_trajectory(item: Item) -> bool:
    positions, start, end = item.positions, item.timestamp_start, item.timestamp_end
    if positions is None or len(positions) % 3 or not (item.session_id and start and end):
        return False
    item.kind = TRAJECTORY
    item.at_ms = unix_ms(start)
    item.end_ms = unix_ms(end)
    strays = (item.event_name, item.timestamp, item.position, item.custom_data, item.region, item.hardware)
    return item.at_ms <= item.end_ms and strays == _NONE[6]


def _is_funnel_step(item: Item) -> bool:
    if not (item.funnel_step_name and item.session_id and item.timestamp):
        return False
    item.kind = FUNNEL_STEP
    item.at_ms = unix_ms(item.timestamp)
    strays = (item.event_name, item.input_method, item.status, item.region, item.fps, item.hardware)
    if strays != _NONE[6]:
        return False
    rest = (item.custom_data, item.position, item.positions, item.timestamp_start, item.timestamp_end)
    return rest == _NONE[5]


def _is_player(item: Item) -> bool:
    if not item.timestamp:
        return False
    item.kind = PLAYER
    item.at_ms = unix_ms(item.timestamp)
    strays = (item.session_id, item.level_id, item.input_method, item.status, item.timestamp_end)
    return strays == _NONE[5] and (item.fps, item.custom_data, item.position) == _NONE[3]
