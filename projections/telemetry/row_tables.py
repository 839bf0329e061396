"""The tables of a batch while its rows are gathered."""

from __future__ import annotations

from array import array

import msgspec

from projections.telemetry import tables
from projections.telemetry.columns import Columns
from projections.telemetry.session_key import SessionKey
from projections.telemetry.sessions import Description
from schemas.telemetry.forgetting import Forgotten, none_forgotten


class S1Row(msgspec.Struct, frozen=True, gc=False):
    """A row that may be a repeat: its session, table, place in that table, and identity."""

    key: SessionKey
    positions: bool
    row: int
    seq: int | None
    identity: int
    at_ms: int


class RowTables:
    """The rows of one batch, in the order of the log."""

    def __init__(self, forgotten: Forgotten | None = None) -> None:
        """What is of the `forgotten` is left out; the places of all else in the log stay."""
        self.forgotten = none_forgotten() if forgotten is None else forgotten
        self.events = Columns("events", tables.EVENTS)
        self.positions = Columns("positions", tables.POSITIONS)
        self.funnel_steps = Columns("funnel_steps", tables.FUNNEL_STEPS)
        self.performance = Columns("performance", tables.PERFORMANCE)
        self.players = Columns("players", tables.PLAYERS)
        self.feedback = Columns("feedback", tables.FEEDBACK)
        self.models = Columns("models", tables.MODELS)
        self.messages = Columns("messages", tables.MESSAGES)
        self.points = array("q")
        """How many points each row of `positions` stands for."""
        self.ends = array("q")
        """When the last of them is; `occurred_at` is when the first is."""
        self.coordinates = array("d")
        """x, y, z of every point."""
        self.s1_rows: list[S1Row] = []
        self.descriptions: dict[SessionKey, list[Description]] = {}
        self.count = 0
        """How many rows all tables would get, repeats included."""
