"""The JSON Schema of a definition file, made from the structs that read it.

Editors take it (`questlog apply --schema`), and it finds all problems of shape in a file at once.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from schemas.studio.definitions import DefinitionFile

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def definition_schema() -> dict[str, Any]:
    r"""The schema of a definition file, in the dialect 2020-12. Made anew by each call.

    Patterns are those of JSON Schema: `$` ends a text, where Python's `\Z` means nothing to an editor.
    """
    schema: dict[str, Any] = _portable(msgspec.json.schema(DefinitionFile))
    return {"$schema": DIALECT, "title": "A questlog definition file", **schema}


def _portable(part: Any) -> Any:
    if isinstance(part, dict):
        return {
            key: value.replace("\\Z", "$")
            if key == "pattern" and isinstance(value, str)
            else _portable(value)
            for key, value in part.items()
        }
    if isinstance(part, list | tuple):
        return [_portable(one) for one in part]
    return part
