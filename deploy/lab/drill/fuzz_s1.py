"""S1 batches and feedback of the fuzz drill, and the rows that the contract promises for them. Pure."""

from __future__ import annotations

import json
from typing import Final

from deploy.lab.drill.fuzz_cases import Case, Fields, Maker, Row, ascii_json, properties
from deploy.lab.drill.fuzz_texts import Rule
from schemas.telemetry.s1_batch import SENT_SOURCES

ITEMS: Final = 12
FORM: Final = "ff_session"
BYTES: Final = 600_000
"""Of free texts in a request."""
_RULES: Final = {
    "gameId": Rule.NAME,
    "sessionId": Rule.ID,
    "deviceId": Rule.ID,
    "source": Rule.SLUG,
    "gameVersion": Rule.LABEL,
    "environment": Rule.SLUG,
    "platform": Rule.LABEL,
    "title": Rule.LABEL,
    "testerHandle": Rule.LABEL,
    "name": Rule.NAME,
    "room": Rule.LABEL,
    "t": Rule.NAME,
    "startedAt": Rule.NAME,
}
_EVENT_FIELDS: Final = frozenset({"name", "t", "x", "y", "z", "room", "seq", "props"})


class S1Maker(Maker):
    """Makes batches and submissions of S1."""

    feedback_game = "doom"

    def good(self) -> Case:
        """A batch that must be accepted."""
        self.bytes_left = BYTES
        batch, rows, session = self._batch()
        return Case(
            path="/api/telemetry",
            body=self.json(batch),
            allowed=frozenset({202}),
            surface="s1",
            rows=rows,
            session=session,
            sessions=[batch["sessionId"]],
        )

    def bad(self) -> Case:
        """A batch in which one text is refused."""
        self.bytes_left = 0
        batch, _, _ = self._batch()
        holder: Fields = batch
        field, rule = self.dice.choice(tuple(_RULES.items()))
        if field in {"gameVersion", "platform", "environment"}:
            holder = batch["metadata"]
        elif field in {"name", "room", "t"}:
            holder = self.dice.choice(batch["events"])
        if field == "gameId":
            holder[field] = f"{self.texts.good('s1 gameId', rule)}."
        elif field in {"t", "startedAt"}:
            holder[field] = self.no_time(f"s1 {field}")
        else:
            holder[field] = self.refused(f"s1 {field}", rule)
        allowed = {400, 404} if field == "gameId" else {400}
        said = f"{field}={holder[field]!r:.80}"
        return Case(
            path="/api/telemetry", body=ascii_json(batch), allowed=frozenset(allowed), surface="s1", said=said
        )

    def feedback(self) -> Case:
        """A submission that must be accepted."""
        text = self.texts.good
        body = {
            "gameId": self.feedback_game,
            "sessionId": text("feedback sessionId", Rule.ID),
            "deviceId": text("feedback deviceId", Rule.ID),
            "formId": FORM,
            "submissionId": text("feedback submissionId", Rule.ID),
            "answers": [
                {"fieldId": "q1", "value": self.dice.randint(1, 5)},
                {"fieldId": "q2", "value": text("feedback answer", Rule.ANSWER)},
            ],
        }
        columns = {
            "form_id": FORM,
            "submission_id": body["submissionId"],
            "session_id": body["sessionId"],
            "player_id": body["deviceId"],
            "answers": body["answers"],
        }
        return Case(
            path="/api/telemetry/feedback",
            body=self.json(body),
            allowed=frozenset({201}),
            surface="feedback",
            rows=[Row("feedback", 0, columns)],
        )

    def feedback_bad(self) -> Case:
        """A submission in which one text is refused."""
        body = json.loads(self.feedback().body)
        field = self.dice.choice(("sessionId", "deviceId", "formId", "submissionId", "value", "fieldId"))
        holder = body["answers"][1] if field in {"value", "fieldId"} else body
        rule = Rule.ANSWER if field == "value" else Rule.ID
        holder[field] = self.refused(f"feedback {field}", rule)
        return Case(
            path="/api/telemetry/feedback",
            body=ascii_json(body),
            allowed=frozenset({400}),
            surface="feedback",
            said=f"{field}={holder[field]!r:.80}",
        )

    def _batch(self) -> tuple[Fields, list[Row], Fields]:
        text = self.texts.good
        labels = {field: text(f"s1 {field}", _RULES[field]) for field in ("gameVersion", "platform")}
        labels["environment"] = text("s1 environment", Rule.SLUG)
        source = self.dice.choice(sorted(SENT_SOURCES))
        batch: Fields = {
            "gameId": self.app_id,
            "sessionId": text("s1 sessionId", Rule.ID),
            "deviceId": text("s1 deviceId", Rule.ID),
            "source": source,
            "metadata": {**self.map("s1 metadata"), **labels},
            "title": text("s1 title", Rule.LABEL),
            "testerHandle": text("s1 testerHandle", Rule.LABEL),
            "experiments": {self.free("s1 tag"): self.free("s1 variant") for _ in range(2)},
            "ended": self.dice.random() < 0.5,
        }
        columns: Fields = {
            "session_id": batch["sessionId"],
            "player_id": batch["deviceId"],
            "build_id": labels["gameVersion"],
            "environment": labels["environment"],
            "source": source,
        }
        session = columns | {
            "title": batch["title"],
            "tester_handle": batch["testerHandle"] or batch["deviceId"],
            "platform": labels["platform"],
            "metadata": batch["metadata"],
            "experiments": batch["experiments"],
        }
        pairs = [self._event(columns) for _ in range(self.dice.randint(1, ITEMS))]
        batch["events"] = [event for event, _ in pairs]
        return batch, [row for _, row in pairs], session

    def _event(self, shared: Fields) -> tuple[Fields, Row]:
        (number, at_ms), text = self.clock.next(), self.texts.good
        event: Fields = {"name": text("s1 name", Rule.NAME), "t": at_ms, "room": text("s1 room", Rule.LABEL)}
        event |= {"x": float(number), "y": -1.5}
        seq = None
        if self.dice.random() < 0.5:
            seq = event["seq"] = at_ms
        props = event["props"] = self.map("s1 props")
        extras = self.extras("s1 extra", _EVENT_FIELDS)
        event |= extras
        columns = shared | {"x": event["x"], "y": -1.5, "seq": seq, "properties": properties(props, extras)}
        if event["name"] == "player_pos":
            return event, Row("positions", at_ms, columns | {"z": 0.0, "room": event["room"] or "unknown"})
        columns |= {"event_name": event["name"], "room": event["room"], "input_method": "", "z": None}
        return event, Row("events", at_ms, columns)
