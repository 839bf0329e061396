"""S4 batches of the fuzz drill: every kind, and the rows that the contract promises for each item. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import msgspec

from deploy.lab.drill.fuzz_cases import Case, Fields, Maker, Row, broken_msgpack, properties
from deploy.lab.drill.fuzz_texts import Rule, takes
from schemas.telemetry.s1_batch import SENT_SOURCES

ITEMS: Final = 12
PATHS: Final = ("/api/events", "/api/player", "/api/funnel", "/api/realtime")
BYTES: Final = 3_000_000
"""Of free texts in a request."""
_IN_SESSION: Final = ("build_id", "player_id", "session_id")
_RULES: Final = {
    "app_id": Rule.NAME,
    "build_id": Rule.NAME,
    "player_id": Rule.ID,
    "session_id": Rule.ID,
    "event_name": Rule.NAME,
    "funnel_step_name": Rule.NAME,
    "level_id": Rule.LABEL,
    "input_method": Rule.LABEL,
    "status": Rule.LABEL,
    "region": Rule.LABEL,
    "timestamp": Rule.NAME,
    "timestamp_start": Rule.NAME,
    "timestamp_end": Rule.NAME,
}
_FIELDS: Final = frozenset(_RULES) | {
    *("position", "positions", "custom_data", "fps", "hardware", "source", "environment"),
}


class S4Maker(Maker):
    """Makes batches of S4."""

    def good(self) -> Case:
        """A batch that must be accepted."""
        self.bytes_left = BYTES
        pairs = [self._item() for _ in range(self.dice.randint(1, ITEMS))]
        items = [item for item, _ in pairs]
        return Case(
            path=self.dice.choice(PATHS),
            body=msgspec.msgpack.encode(items[0] if len(items) == 1 else items),
            allowed=frozenset({200}),
            surface="s4",
            rows=[row for _, rows in pairs for row in rows],
            sessions=[item["session_id"] for item in items if "session_id" in item],
        )

    def bad(self) -> Case:
        """A batch in which one text is refused: 400, and none of its items is there."""
        self.bytes_left = 0
        items = [self._item()[0] for _ in range(3)]
        item = items[self.dice.randrange(3)]
        fields = [field for field in item if field in _RULES]
        field = self.dice.choice(fields)
        if field == "app_id":
            item[field] = self.texts.good(f"s4 {field}", Rule.NAME)
            allowed = {403}
        elif field.startswith("timestamp"):
            item[field] = self.no_time(field)
            allowed = {400}
        else:
            item[field] = self.refused(f"s4 {field}", _RULES[field])
            allowed = {400}
        return Case(
            path=self.dice.choice(PATHS),
            body=broken_msgpack(items),
            allowed=frozenset(allowed),
            surface="s4",
            said=f"{field}={item[field]!r:.80}",
        )

    def _item(self) -> tuple[Fields, list[Row]]:
        make = self.dice.choice(
            (self._gameplay, self._gameplay, self._funnel, self._trajectory, self._player)
        )
        return make()

    def _common(self) -> tuple[Fields, Fields, Fields]:
        """Fields that all kinds with a session share, their columns, and what is left for `_extra`."""
        text = self.texts.good
        item = {"app_id": self.app_id, **{name: text(f"s4 {name}", _RULES[name]) for name in _IN_SESSION}}
        columns: Fields = {**item, "source": "python-telemetry", "environment": "production"}
        del columns["app_id"]
        rest = self._unknown()
        for label in ("source", "environment"):
            if self.dice.random() < 0.5:
                continue
            value = item[label] = text(f"s4 {label}", Rule.LABEL)
            fits = value in SENT_SOURCES if label == "source" else takes(Rule.SLUG, value)
            (columns if fits else rest)[label] = value
        return item, columns, rest

    def _unknown(self) -> Fields:
        """Extra fields. Nil under a name that the decoder knows counts as absent."""
        found = self.extras("s4 extra", _FIELDS)
        return {key: value for key, value in found.items() if value is not None or not key.startswith("·")}

    def _gameplay(self) -> tuple[Fields, list[Row]]:
        (number, at_ms), text = self.clock.next(), self.texts.good
        item, columns, rest = self._common()
        item["event_name"] = text("s4 event_name", Rule.NAME)
        if item["event_name"] == "Create_Player":  # that would be another kind
            item["event_name"] = "Create_Player "
        item |= {field: text(f"s4 {field}", Rule.LABEL) for field in ("level_id", "input_method")}
        item |= {"custom_data": self.value("s4 custom_data"), "position": [float(number), 0.5]}
        columns |= {"event_name": item["event_name"], "input_method": item["input_method"]}
        columns |= {"room": item["level_id"], "x": float(number), "y": 0.5, "z": None, "seq": None}
        columns["properties"] = properties(item["custom_data"], rest)
        return self._timed(item, rest, at_ms), [Row("events", at_ms, columns)]

    def _funnel(self) -> tuple[Fields, list[Row]]:
        (_, at_ms), text = self.clock.next(), self.texts.good
        item, columns, rest = self._common()
        item["funnel_step_name"] = columns["step_name"] = text("s4 funnel_step_name", Rule.NAME)
        item["level_id"] = columns["room"] = text("s4 level_id", Rule.LABEL)
        columns["properties"] = properties(None, rest)
        return self._timed(item, rest, at_ms), [Row("funnel_steps", at_ms, columns)]

    def _trajectory(self) -> tuple[Fields, list[Row]]:
        (number, at_ms), text = self.clock.next(), self.texts.good
        item, columns, rest = self._common()
        item |= {field: text(f"s4 {field}", Rule.LABEL) for field in ("level_id", "status", "input_method")}
        item["positions"] = [float(number), 1.0, 2.0, float(number), 3.0, 4.0]
        item["fps"] = {"mean": 60.0, "low_1": None}
        more = self.free("s4 fps key")
        if more not in {"mean", "low_5", "low_1"} and self.dice.random() < 0.3:
            item["fps"][more] = 1.5
            rest["fps"] = {more: 1.5}
        columns["room"] = item["level_id"] or "unknown"
        point = columns | {"x": float(number), "properties": None, "seq": None}
        columns |= {"status": item["status"], "input_method": item["input_method"], "points": 2}
        columns |= {"fps_mean": 60.0, "fps_low_5": None, "fps_low_1": None}
        columns["properties"] = properties(None, rest)
        item["timestamp_start"] = item["timestamp_end"] = _iso(at_ms)
        rows = [Row("performance", at_ms, columns)]
        rows += [
            Row("positions", at_ms, point | place) for place in ({"y": 1.0, "z": 2.0}, {"y": 3.0, "z": 4.0})
        ]
        return _with_extras(item, rest), rows

    def _player(self) -> tuple[Fields, list[Row]]:
        (_, at_ms), text = self.clock.next(recent=True), self.texts.good
        item: Fields = {"event_name": "Create_Player", "app_id": self.app_id}
        item |= {field: text(f"s4 {field}", _RULES[field]) for field in ("player_id", "build_id", "region")}
        columns = {field: item[field] for field in ("player_id", "build_id", "region")}
        item["hardware"] = columns["hardware"] = self.map("s4 hardware")
        rest = self._unknown()
        columns["properties"] = properties(None, rest)
        return self._timed(item, rest, at_ms), [Row("players", at_ms, columns)]

    def _timed(self, item: Fields, rest: Fields, at_ms: int) -> Fields:
        item["timestamp"] = _iso(at_ms)
        return _with_extras(item, rest)


def _with_extras(item: Fields, rest: Fields) -> Fields:
    """The item with its unknown fields; labels and rates that no column holds are in it already."""
    return {**{key: value for key, value in rest.items() if key not in _FIELDS}, **item}


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
