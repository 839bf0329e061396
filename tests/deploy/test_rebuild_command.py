"""What `questlog rebuild` says of what it did."""

from __future__ import annotations

from deploy.cli.rebuild import clickhouse_result, sentence
from projections.clickhouse.rebuild_plan import Rebuilt
from projections.clickhouse.table_sums import TableSum


def said(*, end: int, swapped: bool, rows: int = 3, uncompared: int = 0) -> str:
    live, built = ({} if swapped else {"events": TableSum(number, 1)} for number in (3, rows))
    one = Rebuilt(
        records=7,
        positions={0: 7},
        ends={0: end},
        swapped=swapped,
        live=live,
        built=built,
        uncompared=uncompared,
    )
    return sentence(clickhouse_result("telemetry", "telemetry", one, 1.5, verify=not swapped))


def test_it_says_that_it_came_to_the_logs_end() -> None:
    assert said(end=7, swapped=True) == "clickhouse telemetry: 7 records in 1.5 s, swapped"
    assert said(end=7, swapped=False).endswith("equal to the live one (3 rows in 1 tables)")
    assert said(end=7, swapped=False, rows=4).endswith("DIFFERENT from the live one: events")


def test_it_says_where_it_stopped_before_the_logs_end() -> None:
    for swapped in (True, False):
        told = said(end=9, swapped=swapped)
        assert "as far as the live worker has come, 2 records before the log's end" in told
        assert "(telemetry[0] at 7 of 9)" in told


def test_it_says_how_many_sessions_other_rules_analysed() -> None:
    told = said(end=7, swapped=False, uncompared=5)
    assert "equal to the live one (3 rows in 1 tables); the insights of 5 sessions" in told
    assert "`questlog rebuild insights`" in told


def test_it_says_what_the_log_had_forgotten() -> None:
    one = Rebuilt(records=2, positions={0: 7}, ends={0: 7}, swapped=True, forgotten={0: 5})
    told = sentence(clickhouse_result("fleet", "fleet.telemetry", one, 1.5, verify=False))
    assert told.endswith(
        "swapped; the log begins later (fleet.telemetry[0] at 5): what came before was copied"
        " from the live tables"
    )
