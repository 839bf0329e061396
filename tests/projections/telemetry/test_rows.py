from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest

from projections.telemetry.columns import Columns, Origin
from projections.telemetry.rows import Rows
from schemas.telemetry.record import EntryKind
from tests.projections.telemetry.support import entry
from tests.schemas.telemetry.s4_samples import FUNNEL, GAMEPLAY, PLAYER, TRAJECTORY, changed, pack

TABLES = {"events": GAMEPLAY, "funnel_steps": FUNNEL, "performance": TRAJECTORY, "players": PLAYER}


def row(table: str, item: dict[str, Any]) -> dict[str, Any]:
    """The one row that an item becomes in a table, its properties read."""
    rows = Rows()
    added = entry(EntryKind.S4_ITEMS, pack(item), game=item["app_id"])
    assert rows.add(Origin("studio_1", item["app_id"], 0, 0), 0, added) == 1
    columns: Columns = getattr(rows, table)
    with pa.ipc.open_stream(columns.body(0)) as reader:
        (found,) = reader.read_all().to_pylist()
    whole: dict[str, Any] = found | {"properties": json.loads(found["properties"])}
    return whole


def text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


@pytest.mark.parametrize("table", TABLES)
def test_labels_that_no_column_can_hold_stay_in_the_row(table: str) -> None:
    labels = {"source": "my-engine", "environment": "QA Lab"}
    found = row(table, changed(TABLES[table], **labels))
    assert found["properties"]["_extra"] == labels
    if table != "players":
        assert (text(found["source"]), text(found["environment"])) == ("python-telemetry", "production")
    for odd in ("", "x" * 65, "Übung", "a b", "qa\n"):
        again = row(table, changed(TABLES[table], environment=odd))
        assert again["properties"]["_extra"] == {"environment": odd}


@pytest.mark.parametrize("table", TABLES)
def test_an_event_cannot_say_that_it_is_of_a_discord_session(table: str) -> None:
    """Those come from POST /api/webhooks/discord alone."""
    found = row(table, changed(TABLES[table], source="discord"))
    assert found["properties"]["_extra"] == {"source": "discord"}
    if table != "players":
        assert text(found["source"]) == "python-telemetry"


@pytest.mark.parametrize("table", TABLES)
def test_labels_that_columns_hold_are_not_repeated(table: str) -> None:
    labels = {"source": "godot-telemetry", "environment": "qa_lab-2"}
    found = row(table, changed(TABLES[table], **labels))
    if table == "players":  # it has no such columns
        assert found["properties"]["_extra"] == labels
    else:
        assert (text(found["source"]), text(found["environment"])) == tuple(labels.values())
        assert "_extra" not in found["properties"]


def test_a_field_called_extra_is_kept_beside_unknown_fields() -> None:
    own = {"_extra": {"mine": 1}, "weapon": "Sword"}
    found = row("events", changed(GAMEPLAY, custom_data=own, mood="calm"))
    assert found["properties"] == {"_value": own, "_extra": {"mood": "calm"}}
    assert row("events", changed(GAMEPLAY, custom_data=own))["properties"] == own


def test_other_members_of_fps_stay_in_the_row() -> None:
    fps = {"mean": 60, "low_5": 55, "low_1": 30, "max": 144, "min": None}
    found = row("performance", changed(TRAJECTORY, fps=fps, note="x"))
    assert found["properties"]["_extra"] == {"note": "x", "fps": {"max": 144, "min": None}}
    assert found["fps_mean"] == 60
    assert row("performance", TRAJECTORY)["properties"] == {}
    nested = row("performance", changed(TRAJECTORY, fps={"mean": 60, "by_scene": {"a": [1, "b"]}}))
    assert nested["properties"]["_extra"] == {"fps": {"by_scene": {"a": [1, "b"]}}}


def test_all_of_hardware_stays_in_its_column() -> None:
    hardware = {"gpu": "RTX 4090", "displays": [{"w": 1920}]}
    assert json.loads(row("players", changed(PLAYER, hardware=hardware))["hardware"]) == hardware
