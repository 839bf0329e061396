"""ClickHouse assigns as Python does: buckets, the order of builds, audiences and variants."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from projections.clickhouse.statements import BesideRows
from projections.telemetry.queries import assignment_sql
from schemas.studio.assignment import COVERAGE, VARIANT, Assignment, bucket, in_audience
from schemas.studio.builds import build_order
from schemas.studio.experiments import Audience, ExperimentDefinition, Variant
from tests.projections.telemetry.support import GAME

if TYPE_CHECKING:
    from projections.clickhouse.client import ClickHouse

pytestmark = pytest.mark.stack

DEVICES = 100_000
ROWS_A_QUERY = 10_000
BUILDS = (
    *("", "0", "0.0", "0.5", "0.5.0", "0.5.0-rc1", "0.5.0+x", "0.5.0a", "0.4.9", "0.10", "00.010.0", "1"),
    *("1.", "1..2", "-1", "v1", "nightly", "1.0\n", "1\0", "1.0 ä", "1.0-ä", "9" * 200, "1." + "0" * 200),
)
VARIANTS = [
    Variant(key=key, name=key, allocation=share) for key, share in (("a", 33.33), ("b", 33.33), ("c", 33.34))
]


def devices() -> list[tuple[str, str]]:
    """Devices of every kind of text, and their builds."""
    random = Random(7)
    letters = "aZ09_-.Ää\u00e9e\u0301漢字🎮\0\n\t\\'\" "
    named = [f"device_{number}" for number in range(DEVICES // 2)]
    strange = ["".join(random.choices(letters, k=random.randint(1, 20))) for _ in range(DEVICES // 2)]
    return [(device, random.choice(BUILDS)) for device in ["", "\0", "\0\0", *named, *strange]]


def definition(**said: Any) -> ExperimentDefinition:
    return ExperimentDefinition(id="exp_x", name="X", salt="Salz", variants=VARIANTS, coverage=61.7, **said)


ASSIGNMENTS = [
    Assignment(GAME, definition(), None),
    Assignment(GAME, definition(pins={"device_1": "b", "\0": "c", "ä'": "a"}), None),
    *(
        Assignment(GAME, definition(), Audience(id="aud_x", name="X", **said))
        for said in (
            {"min_build": "0.5.0"},
            {"max_build": "0.5.0-rc2"},
            {"min_build": "0.4.9", "max_build": "1.0"},
            {"builds": ["nightly", "1\0", "1.0\n"]},
            {"device_ids": ["device_1", "\0", "ä'"], "min_build": "0"},
        )
    ),
]


async def asked(database: ClickHouse, sql: str, rows: list[tuple[str, str]], **parameters: Any) -> list[Any]:
    """One row of an expression's values for each device, in order."""
    found: list[Any] = []
    for first in range(0, len(rows), ROWS_A_QUERY):
        table = BesideRows(
            "devices",
            {"n": "UInt32", "player_id": "String", "build_id": "String"},
            [(number, *row) for number, row in enumerate(rows[first : first + ROWS_A_QUERY])],
        )
        found += await database.rows(f"SELECT {sql} FROM devices ORDER BY n", parameters, beside=table)
    return found


async def test_buckets_and_variants_of_100_000_devices(database: ClickHouse) -> None:
    rows = [(device, "") for device, _ in devices()]
    assert len(rows) > DEVICES
    asking = ASSIGNMENTS[0]
    buckets = f"{assignment_sql.bucket(COVERAGE)}, {assignment_sql.bucket(VARIANT)}"
    sql = f"{buckets}, {assignment_sql.variant(asking)}"
    found = await asked(database, sql, rows, **assignment_sql.parameters(asking))
    different = [
        (device, answer)
        for (device, _), answer in zip(rows, found, strict=True)
        if answer
        != [
            *(bucket(asking.seed, device, one) for one in (COVERAGE, VARIANT)),
            asking.variant(device, "") or "",
        ]
    ]
    assert different[:5] == []


async def test_builds_audiences_and_pins_are_the_same(database: ClickHouse) -> None:
    rows = [("", build) for build in BUILDS]
    found = await asked(database, f"{assignment_sql.ORDERED}, {assignment_sql.PLACE}", rows)
    for (_, build), (ordered, place) in zip(rows, found, strict=True):
        known = build_order(build)
        assert bool(ordered) is (known is not None)
        assert known is None or tuple(place) == known
    some = [*devices()[:3000], ("ä'", "1")]
    for asking in ASSIGNMENTS:
        sql = f"{assignment_sql.pinned()}, {assignment_sql.in_audience(asking)}"
        answers = await asked(database, sql, some, **assignment_sql.parameters(asking))
        audience = asking.audience
        assert [[bool(one) for one in answer] for answer in answers] == [
            [device in asking.pins, audience is None or in_audience(audience, device, build)]
            for device, build in some
        ]
