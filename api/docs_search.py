"""The search at `/docs`: which parts of the documentation answer a question in plain words. Pure."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from api.docs_guides import COMMANDS, GUIDES, Part, guide
from api.docs_lines import Line, line_of
from schemas.studio.definition_schema import definition_schema

if TYPE_CHECKING:
    from schemas.described_views import DescribedView

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


class Found(msgspec.Struct, frozen=True):
    """A part, and the line of it that says best why."""

    part: Part
    line: Line


class Search:
    """The index over all that can be found, made when it is first asked."""

    def __init__(
        self, documents: Mapping[str, Callable[[], Mapping[str, Any]]], tables: Sequence[DescribedView] = ()
    ) -> None:
        """`documents` gives OpenAPI documents by their names."""
        self._documents = documents
        self._tables = tables
        self._index: Index | None = None

    def find(self, question: str) -> list[Found]:
        """Parts of guides, operations, the definition file, tables and commands, as `Index.find`."""
        if self._index is None:
            made = {name: give() for name, give in self._documents.items()}
            self._index = Index(
                [
                    *guide_parts(),
                    *definition_parts(definition_schema()),
                    *operation_parts(made),
                    *table_parts(self._tables),
                    *guide(COMMANDS).parts,
                ]
            )
        stems = stems_of(question)
        return [Found(part, line_of(part.text, stems)) for part in self._index.find(question)]


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
                    f"{operation.get('description', '')}\n{surface}",
                )


def definition_parts(schema: Mapping[str, Any]) -> Iterator[Part]:
    """One for each section of the definition file."""
    for name, struct in schema["$defs"].items():
        fields = "\n".join(
            f"{field}: {about.get('description', '')}" for field, about in struct["properties"].items()
        )
        yield Part(
            f"Definition file: {name.removesuffix('Section')}",
            f"/docs/definition#{name}",
            f"{struct.get('description', '')}\n{fields}",
        )


def table_parts(tables: Iterable[DescribedView]) -> Iterator[Part]:
    """One for each view of analysts."""
    for table in tables:
        columns = "\n".join(f"{column.name} {column.type}: {column.comment}" for column in table.columns)
        yield Part(f"Table: {table.name}", f"/docs/tables#{table.name}", f"{table.comment}\n{columns}")


def stems_of(question: str) -> set[str]:
    """The words that say what is asked for. Only the first 200 characters are read."""
    words = {_stem(word) for word in _words(question[:QUESTION_CHARACTERS_MAX])}
    return {word for word in words if word not in _ASKING} or words


class Index:
    """Parts by their words, which are read once: anyone may ask, so that a question has to cost little."""

    def __init__(self, parts: Iterable[Part]) -> None:
        self._parts = list(parts)
        places: dict[str, dict[int, tuple[bool, int]]] = {}
        for number, part in enumerate(self._parts):
            titles = {_stem(word) for word in _words(part.title)}
            times = Counter(_stem(word) for word in _words(part.text))
            for word in titles | times.keys():
                places.setdefault(word, {})[number] = (word in titles, times[word])
        self._words = sorted(places)
        self._places = [places[word] for word in self._words]

    def find(self, question: str) -> list[Part]:
        """Those that hold the most of the question's words, the best first, at most FOUND_MAX.

        A word is held where one begins with it.
        """
        held: Counter[int] = Counter()
        scores: Counter[int] = Counter()
        for word in stems_of(question):
            for number, (in_title, times) in self._holding(word).items():
                held[number] += 1
                scores[number] += _TITLE_WEIGHT * in_title + min(times, _TIMES_MAX)
        best = sorted(held, key=lambda number: (-held[number], -scores[number], number))
        return [self._parts[number] for number in best[:FOUND_MAX]]

    def _holding(self, word: str) -> dict[int, tuple[bool, int]]:
        """By part, whether its title has a word that begins so, and how often its text has one."""
        found: dict[int, tuple[bool, int]] = {}
        for at in range(bisect_left(self._words, word), len(self._words)):
            if not self._words[at].startswith(word):
                break
            for number, (in_title, times) in self._places[at].items():
                before, sum_before = found.get(number, (False, 0))
                found[number] = (before or in_title, sum_before + times)
        return found


def _words(text: str) -> list[str]:
    return _WORD.findall(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).lower()) if text else []


def _stem(word: str) -> str:
    """`events` and `event` are one word."""
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
