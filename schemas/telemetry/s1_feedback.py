"""S1 player feedback: the JSON of `POST /api/telemetry/feedback`, checked against the game's form. Pure.

Source: contract/telemetry.md, "S1 ingest"; the kinds of fields are the S1 reference's (`rating-1-5`,
`short-text`, `long-text`, `yes-no`). A yes-no answer is a boolean, or the words "yes" and "no".
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from schemas.edge.zod import custom, issue_of
from schemas.identifiers import id_problem
from schemas.numbers import whole
from schemas.telemetry.s1 import check_text, json_object, plain_fields
from schemas.telemetry.s1_batch import GameName, Id, InvalidBatch
from schemas.telemetry.values import Budget

ANSWERS_MAX: Final = 256
SHORT_TEXT_MAX: Final = 500
LONG_TEXT_MAX: Final = 10_000


class Answer(msgspec.Struct, rename={"field_id": "fieldId"}):
    """One field's answer; null stands for none."""

    field_id: Id
    value: Any = None


class Feedback(
    msgspec.Struct,
    rename={
        "game": "gameId",
        "session_id": "sessionId",
        "device_id": "deviceId",
        "form_id": "formId",
        "submission_id": "submissionId",
    },
):
    """One submission. `game` is an id or a slug as sent."""

    game: GameName
    session_id: Id
    device_id: Id
    form_id: Id
    submission_id: Id
    answers: Annotated[list[Answer], Meta(max_length=ANSWERS_MAX)]


def decode_feedback(body: bytes) -> Feedback:
    """Decode a submission. Raises `InvalidBatch` naming what is wrong; unknown extra fields are ignored.

    An answer that is a whole float is the integer.
    """
    fields = plain_fields(json_object(body), [], Budget())
    try:
        feedback = msgspec.convert(fields, Feedback)
    except msgspec.ValidationError as error:
        raise InvalidBatch(issue_of(error, [])) from None
    for answer in feedback.answers:
        answer.value = whole(answer.value)
    return feedback


def validate_feedback(body: bytes) -> Feedback:
    """As `decode_feedback`, for what arrives: its ids follow the rule. Older logs hold other ids."""
    feedback = decode_feedback(body)
    for field, value in (
        ("sessionId", feedback.session_id),
        ("deviceId", feedback.device_id),
        ("formId", feedback.form_id),
        ("submissionId", feedback.submission_id),
    ):
        check_text([field], id_problem(value))
    return feedback


def check_against_form(feedback: Feedback, forms: list[dict[str, Any]]) -> None:
    """Raise `InvalidBatch` unless the form exists, is active and every answer fits its field."""
    form = next((form for form in forms if form.get("id") == feedback.form_id), None)
    if form is None:
        raise InvalidBatch(custom(["formId"], "Unknown form"))
    if not form.get("active", True):
        raise InvalidBatch(custom(["formId"], "The form is not active"))
    fields = {field["id"]: field for field in form.get("fields") or []}
    answered = set()
    for index, answer in enumerate(feedback.answers):
        path: list[str | int] = ["answers", index, "fieldId"]
        field = fields.get(answer.field_id)
        if field is None:
            raise InvalidBatch(custom(path, "The form has no such field"))
        if answer.field_id in answered:
            raise InvalidBatch(custom(path, "The field is answered twice"))
        answered.add(answer.field_id)
        wrong = None if answer.value is None else _wrong(str(field.get("kind")), answer.value)
        if answer.value is None and field.get("required"):
            wrong = "Required"
        if wrong:
            raise InvalidBatch(custom(["answers", index, "value"], wrong))
    for field_id, field in fields.items():
        if field.get("required") and field_id not in answered:
            raise InvalidBatch(custom(["answers"], f"Required: {field_id}"))


def _wrong(kind: str, value: Any) -> str | None:
    """What is wrong with an answer to a field of this kind, or None."""
    if kind == "rating-1-5":
        return None if type(value) is int and 1 <= value <= 5 else "Expected an integer from 1 to 5"
    if kind == "yes-no":
        return None if type(value) is bool or value in ("yes", "no") else "Expected a boolean"
    limit = SHORT_TEXT_MAX if kind == "short-text" else LONG_TEXT_MAX
    if type(value) is not str:
        return "Expected string"
    return None if len(value) <= limit else f"String must contain at most {limit} character(s)"
