"""The columns of the fact tables as the projector fills them; a test compares them with the real tables.

Every table also has the columns that a part's rows share: `columns.ORIGIN_COLUMNS`.
"""

from __future__ import annotations

from typing import Final

from projections.telemetry.arrow import Kind

_T, _F, _U32 = Kind.TEXT, Kind.FLOAT, Kind.UINT32
_SHARED: Final = {
    "build_id": _T,
    "environment": _T,
    "source": _T,
    "session_id": _T,
    "player_id": _T,
    "room": _T,
}
_S1_ONLY: Final = {"seq": Kind.INT64, "identity": Kind.UINT128}
EVENTS: Final = {
    **_SHARED,
    "event_name": _T,
    "x": _F,
    "y": _F,
    "z": _F,
    "input_method": _T,
    "occurred_at": Kind.TIME_MS,
    "properties": Kind.JSON,
    **_S1_ONLY,
    "_index": _U32,
}
POSITIONS: Final = {
    **_SHARED,
    "occurred_at": Kind.TIME_MS,
    "properties": Kind.JSON,
    **_S1_ONLY,
    "_index": _U32,
}
FUNNEL_STEPS: Final = {
    **_SHARED,
    "step_name": _T,
    "occurred_at": Kind.TIME_MS,
    "properties": Kind.JSON,
    "_index": _U32,
}
PERFORMANCE: Final = {
    **_SHARED,
    "status": _T,
    "input_method": _T,
    "fps_mean": _F,
    "fps_low_5": _F,
    "fps_low_1": _F,
    "points": _U32,
    "started_at": Kind.TIME_MS,
    "ended_at": Kind.TIME_MS,
    "properties": Kind.JSON,
    "_index": _U32,
}
PLAYERS: Final = {
    "player_id": _T,
    "build_id": _T,
    "region": _T,
    "hardware": Kind.JSON,
    "properties": Kind.JSON,
    "occurred_at": Kind.TIME_MS,
    "_index": _U32,
}
FEEDBACK: Final = {
    "form_id": _T,
    "submission_id": _T,
    "session_id": _T,
    "player_id": _T,
    "answers": Kind.JSON,
    "_rank": Kind.INT64,
    "_index": _U32,
}
MODELS: Final = {
    "model_id": _T,
    "app_name": _T,
    "level_name": _T,
    "size": Kind.INT64,
    "sha256": _T,
    "object": _T,
    "_index": _U32,
}
MESSAGES: Final = {
    "session_id": _T,
    "player_id": _T,
    "number": Kind.INT64,
    "message_id": _T,
    "author": _T,
    "text": _T,
    "occurred_at": Kind.TIME_MS,
    "_rank": Kind.INT64,
    "_index": _U32,
}
BY_TABLE: Final = {
    "events": EVENTS,
    "positions": POSITIONS,
    "funnel_steps": FUNNEL_STEPS,
    "performance": PERFORMANCE,
    "players": PLAYERS,
    "feedback": FEEDBACK,
    "models": MODELS,
    "messages": MESSAGES,
}
