"""The search at `/docs`: which parts of the documentation answer a question in plain words. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from api.docs_guides import GUIDES, Part, guide
from schemas.studio.definition_schema import definition_schema

QUESTION_CHARACTERS_MAX: Final = 200
FOUND_MAX: Final = 20
_WORD: Final = re.compile(r"[a-z0-9_]+")
_ASKING: Final = frozenset(
    _WORD.findall(
        "a an and are as at be by can did do does for from get how i in into is it me my of on or the to"
        " we what when where which who why will with you your"
    )
)
"""Words that say nothing of what is asked for."""
_TITLE_WEIGHT: Final = 8
_TIMES_MAX: Final = 3
"""A word that stands often in a text does not make it the better answer."""


class Parts:
    """All that can be found, gathered when it is first asked for."""

    def __init__(self, documents: Mapping[str, Callable[[], Mapping[str, Any]]]) -> None:
        """`documents` gives OpenAPI documents by their names."""
        self._documents = documents
        self._all: list[Part] = []

    def all(self) -> list[Part]:
        """Of guides, the definition file, and every operation."""
        if not self._all:
            made = {name: give() for name, give in self._documents.items()}
            self._all = [*guide_parts(), *definition_parts(definition_schema()), *operation_parts(made)]
        return self._all


def guide_parts() -> Iterator[Part]:
    """Of all guides."""
    for name in GUIDES:
        yield from guide(name).parts


def operation_parts(documents: Mapping[str, Mapping[str, Any]]) -> Iterator[Part]:
    """One for each operation of OpenAPI documents, by the names under which /docs shows them."""
    for name, document in documents.items():
        surface = document["info"]["title"]
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                where = f"{operation['tags'][0]}/{operation['operationId']}".replace(" ", "%20")
                yield Part(
                    f"{operation['summary']}: {method.upper()} {path}",
                    f"/docs/{name}#/{where}",
                    f"{surface} {operation.get('description', '')}",
                )


def definition_parts(schema: Mapping[str, Any]) -> Iterator[Part]:
    """One for each section of the definition file."""
    for name, struct in schema["$defs"].items():
        fields = " ".join(
            f"{field} {about.get('description', '')}" for field, about in struct["properties"].items()
        )
        yield Part(
            f"Definition file: {name.removesuffix('Section')}",
            f"/docs/definition#{name}",
            f"{struct.get('description', '')} {fields}",
        )


def search(parts: Iterable[Part], question: str) -> list[Part]:
    """Those that hold the most of the question's words, the best first, at most FOUND_MAX."""
    words = {_stem(word) for word in _words(question[:QUESTION_CHARACTERS_MAX])}
    words = {word for word in words if word not in _ASKING} or words
    scored = []
    for number, part in enumerate(parts):
        title = [_stem(word) for word in _words(part.title)]
        text = [_stem(word) for word in _words(part.text)]
        held, score = 0, 0
        for word in words:
            in_title = any(one.startswith(word) for one in title)
            times = sum(one.startswith(word) for one in text)
            held += bool(in_title or times)
            score += _TITLE_WEIGHT * in_title + min(times, _TIMES_MAX)
        if held:
            scored.append((-held, -score, number, part))
    return [part for *_, part in sorted(scored, key=lambda one: one[:3])[:FOUND_MAX]]


def _words(text: str) -> list[str]:
    return _WORD.findall(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).lower()) if text else []


def _stem(word: str) -> str:
    """`events` and `event` are one word."""
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
