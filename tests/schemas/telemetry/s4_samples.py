"""The reference's four items, and Hypothesis strategies around them."""

from __future__ import annotations

from typing import Any, Final

import msgpack
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

APP: Final = "72ab8f81-ef36-4712-a046-399a62b9afaa"
NOW: Final = 1_770_890_400_000
"""2026-02-12T10:00:00Z, the time of the reference's samples."""

PLAYER: Final[dict[str, Any]] = {
    "event_name": "Create_Player",
    "app_id": APP,
    "build_id": "Win64_Shipping_1.0.2",
    "player_id": "player_uuid",
    "region": "EU-West",
    "hardware": {"gpu": "RTX 4090", "ram": "32GB"},
    "timestamp": "2026-02-12T10:00:00Z",
}
FUNNEL: Final[dict[str, Any]] = {
    "funnel_step_name": "Tutorial_Start",
    "app_id": APP,
    "build_id": "Win64_Shipping_1.0.2",
    "player_id": "player_uuid",
    "session_id": "session_uuid",
    "level_id": "Training_Grounds",
    "timestamp": "2026-02-12T10:00:00Z",
}
GAMEPLAY: Final[dict[str, Any]] = {
    "event_name": "Player_Jump",
    "app_id": APP,
    "build_id": "Win64_Shipping_1.0.2",
    "player_id": "player_uuid",
    "session_id": "session_uuid",
    "level_id": "Level_1",
    "position": [10.5, 0.0, -5.2],
    "custom_data": {"weapon": "Sword", "ammo": 10},
    "input_method": "Gamepad",
    "timestamp": "2026-02-12T10:00:00Z",
}
TRAJECTORY: Final[dict[str, Any]] = {
    "app_id": APP,
    "build_id": "Win64_Shipping_1.0.2",
    "player_id": "player_uuid",
    "session_id": "session_uuid",
    "status": "Gameplay",
    "input_method": "Gamepad",
    "fps": {"mean": 60, "low_5": 55, "low_1": 30},
    "positions": [10.0, 0.0, 1.0, 10.1, 0.0, 1.1, 10.2, 0.0, 1.2],
    "timestamp_start": "2026-02-12T10:00:00Z",
    "timestamp_end": "2026-02-12T10:00:05Z",
}
SAMPLES: Final = (PLAYER, FUNNEL, GAMEPLAY, TRAJECTORY)


patient: Final = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""The machine is shared: how long an example takes says nothing about the code."""


def pack(content: object) -> bytes:
    body: bytes = msgpack.packb(content, use_bin_type=True)
    return body


def changed(sample: dict[str, Any], **fields: object) -> dict[str, Any]:
    """The sample with fields replaced; `...` leaves one out."""
    return {name: value for name, value in (sample | fields).items() if value is not ...}


text = st.text(max_size=8)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | text
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)
anything = st.recursive(
    scalars
    | st.floats()
    | st.binary(max_size=4)
    | st.just(msgpack.ExtType(5, b"x"))
    | st.just(msgpack.Timestamp(1, 2)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text | st.integers(0, 9), inner, max_size=3),
    max_leaves=6,
)
fields = st.sampled_from(sorted({*PLAYER, *FUNNEL, *GAMEPLAY, *TRAJECTORY, "source", "environment", "mood"}))


@st.composite
def items(draw: st.DrawFn) -> dict[str, Any]:
    """A sample with some optional fields dropped and some extra fields added: always valid."""
    sample = dict(draw(st.sampled_from(SAMPLES)))
    optional = ("hardware", "position", "custom_data", "input_method", "fps", "level_id", "region", "status")
    for name in optional:
        if name in sample and draw(st.booleans()):
            if draw(st.booleans()):
                del sample[name]
            else:
                sample[name] = None
    if "custom_data" in sample:
        sample["custom_data"] = draw(values)
    for name in draw(st.lists(st.sampled_from(["mood", "hp", "source", "·kind", "kind"]), max_size=2)):
        sample[name] = draw(values)
    return sample


@st.composite
def mutants(draw: st.DrawFn) -> dict[str, Any]:
    """A sample with one or two fields replaced by anything at all."""
    sample = dict(draw(st.sampled_from(SAMPLES)))
    for name in draw(st.lists(fields, min_size=1, max_size=2)):
        sample[name] = draw(anything)
    return sample
