"""Operations that take MessagePack: Swagger UI cannot send their bodies, and the console can. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MESSAGE_PACK: Final = "application/msgpack"


def packed_bodies(document: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The paths whose POST takes MessagePack, each with its media type object."""
    contents = {
        path: operations.get("post", {}).get("requestBody", {}).get("content", {})
        for path, operations in document["paths"].items()
    }
    return {path: content[_MESSAGE_PACK] for path, content in contents.items() if _MESSAGE_PACK in content}


def packed_operations(
    documents: Mapping[str, Callable[[], dict[str, Any]]],
) -> tuple[list[str], dict[str, str]]:
    """The paths that take MessagePack, and the examples of their bodies as JSON."""
    paths: list[str] = []
    examples: dict[str, str] = {}
    for give in documents.values():
        for path, packed in packed_bodies(give()).items():
            paths.append(path)
            for name, example in packed["examples"].items():
                examples[name] = json.dumps(example["value"], indent=2)
    return paths, examples
