"""Puts a session's story on the wire: S4 MessagePack items or S1 JSON batches. Pure.

Sources: reference S4 "Event Schemas", contract/telemetry "S1 ingest".
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from deploy.lab.demo.game.story import Happening, Path

S4_ITEMS_MAX: Final = 500
S1_EVENTS_MAX: Final = 1_000
FEEDBACK_FORM: Final = "ff_session"
"""The form that the demo studio's definitions declare for the game."""
AGAIN_RATING_MIN: Final = 3
"""Who rates it so would play again."""


class Player(msgspec.Struct, frozen=True):
    """A person at a machine; bots keep theirs from session to session."""

    player_id: str
    handle: str
    region: str
    hardware: dict[str, str]


class Session(msgspec.Struct, frozen=True):
    """What every message of one session repeats. `game_id` is S4's app_id and S1's gameId."""

    game_id: str
    session_id: str
    build_id: str
    player: Player
    started_ms: int
    title: str
    environment: str = "production"
    experiments: dict[str, str] = {}
    """Variant by experiment, as the game was told before the session; on S1 alone."""


class Request(msgspec.Struct, frozen=True):
    """An HTTP request to make: `token` says which credential of demo.json it carries."""

    path: str
    content_type: str
    token: str
    body: bytes
    events: int


_msgpack = msgspec.msgpack.Encoder()
_json = msgspec.json.Encoder()


def create_player(session: Session) -> dict[str, Any]:
    """S4 event 1: who plays, on what."""
    return {
        "event_name": "Create_Player",
        "app_id": session.game_id,
        "build_id": session.build_id,
        "player_id": session.player.player_id,
        "region": session.player.region,
        "hardware": session.player.hardware,
        "timestamp": iso(session.started_ms),
    }


def s4_items(session: Session, happenings: list[Happening], paths: list[Path]) -> list[dict[str, Any]]:
    """Events, funnel steps and trajectories in order of time.

    S4's points come from the paths, so sampled `player_pos` happenings are left out.
    """
    common = {
        "app_id": session.game_id,
        "build_id": session.build_id,
        "player_id": session.player.player_id,
        "session_id": session.session_id,
    }
    timed: list[tuple[int, dict[str, Any]]] = []
    for happening in happenings:
        if happening.step:
            item: dict[str, Any] = {"funnel_step_name": happening.name, **common}
        elif happening.name == "player_pos":
            continue
        else:
            item = {
                "event_name": happening.name,
                **common,
                "position": [happening.x, happening.y, happening.z],
                "custom_data": happening.data,
                "input_method": "Bot",
            }
        item |= {"level_id": happening.level, "timestamp": iso(happening.at_ms)}
        timed.append((happening.at_ms, item))
    timed += [
        (
            path.start_ms,
            {
                **common,
                "status": "Gameplay",
                "input_method": "Bot",
                "level_id": path.level,
                "fps": path.fps,
                "positions": path.positions,
                "timestamp_start": iso(path.start_ms),
                "timestamp_end": iso(path.end_ms),
            },
        )
        for path in paths
    ]
    timed.sort(key=lambda entry: entry[0])
    return [item for _, item in timed]


def s4_requests(items: list[dict[str, Any]]) -> list[Request]:
    """The items as MessagePack batches; none for no items."""
    cuts = [items[start : start + S4_ITEMS_MAX] for start in range(0, len(items), S4_ITEMS_MAX)]
    return [
        Request("/api/events", "application/msgpack", "public_token", _msgpack.encode(cut), len(cut))
        for cut in cuts
    ]


def s1_request(session: Session, happenings: list[Happening], first_seq: int, *, ended: bool) -> Request:
    """One S1 batch; `first_seq` numbers its first event, so that sending it twice counts once.

    Raises `ValueError` for more than 1,000 events: the caller cuts.
    """
    if len(happenings) > S1_EVENTS_MAX:
        raise ValueError(f"{len(happenings)} events are more than one S1 batch takes ({S1_EVENTS_MAX})")
    events: list[dict[str, Any]] = []
    for seq, happening in enumerate(happenings, first_seq):
        event: dict[str, Any] = {
            "name": happening.name,
            "t": happening.at_ms,
            "seq": seq,
            "room": happening.level,
        }
        if not happening.step:
            event |= {"x": happening.x, "y": happening.y, "z": happening.z}
        if happening.data:
            event["props"] = happening.data
        events.append(event)
    batch = {
        "gameId": session.game_id,
        "sessionId": session.session_id,
        "deviceId": session.player.player_id,
        "source": "python-telemetry",
        "metadata": {
            "gameVersion": session.build_id,
            "environment": session.environment,
            "platform": session.player.hardware.get("os", "Linux"),
        },
        "title": session.title,
        "testerHandle": session.player.handle,
        "startedAt": session.started_ms,
        **({"experiments": session.experiments} if session.experiments else {}),
        "events": events,
        "ended": ended,
    }
    return Request("/api/telemetry", "application/json", "pl_ik", _json.encode(batch), len(events))


def s1_feedback(session: Session, rating: int, words: str) -> Request:
    """The player's answer to the demo's form; sending it twice counts once."""
    answers: list[dict[str, Any]] = [{"fieldId": "q1", "value": rating}]
    if words:
        answers.append({"fieldId": "q2", "value": words})
    answers.append({"fieldId": "q3", "value": rating >= AGAIN_RATING_MIN})
    body = {
        "gameId": session.game_id,
        "sessionId": session.session_id,
        "deviceId": session.player.player_id,
        "formId": FEEDBACK_FORM,
        "submissionId": f"fb_{session.session_id}",
        "answers": answers,
    }
    return Request("/api/telemetry/feedback", "application/json", "pl_ik", _json.encode(body), 0)


def iso(at_ms: int) -> str:
    """Unix milliseconds as ISO 8601 UTC with milliseconds."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
