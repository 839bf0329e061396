"""The pieces that the OpenAPI documents of the write surfaces share."""

from __future__ import annotations

from typing import Any, Final

Json = dict[str, Any]

TEXT: Final[Json] = {"type": "string", "minLength": 1}
TIME: Final[Json] = {
    "type": "string",
    "format": "date-time",
    "description": "ISO 8601, 0 to 9 fractional digits; without a zone UTC; 2000-01-01 to 24 h after arrival",
}
OPTIONAL_TEXT: Final[Json] = {"type": ["string", "null"]}
NUMBERS: Final[Json] = {"type": "array", "items": {"type": "number"}}


def document(title: str, description: str, paths: Json, components: Json) -> Json:
    """A whole OpenAPI 3.1 document."""
    info = {"title": title, "version": "1.0.0", "description": description}
    return {"openapi": "3.1.0", "info": info, "paths": paths, "components": components}


def object_schema(required: list[str], properties: Json, **more: Any) -> Json:
    """The schema of a JSON object."""
    return {"type": "object", "required": required, "properties": properties, **more}


def answer(description: str, schema: str, example: Json, **headers: str) -> Json:
    """One documented answer: its schema by name, an example, and headers as `Name_With_Dashes`."""
    answer: Json = {
        "description": description,
        "content": {
            "application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}, "example": example}
        },
    }
    if headers:
        answer["headers"] = {
            name.replace("_", "-"): {"description": text, "schema": {"type": "string"}}
            for name, text in headers.items()
        }
    return answer
