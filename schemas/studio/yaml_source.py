"""YAML with the line of every field, read strictly: what a person wrote, and where they wrote it.

Refused: tags, anchors and aliases (a hundred bytes of them can name a million fields), a key given twice,
keys that are not text, more than one document, files over FILE_BYTES_MAX. Times stay text. A whole float is
the integer (`schemas/numbers.py`), except in an item's free-form `metadata`.
"""

from __future__ import annotations

import math
import re
from typing import Any, Final

import msgspec
import yaml

from schemas.numbers import whole
from schemas.studio.yaml_syntax import explained

FILE_BYTES_MAX: Final = 1024 * 1024
DEPTH_MAX: Final = 32

Path = tuple[str | int, ...]

_FREE: Final = "metadata"
_TAG: Final = "tag:yaml.org,2002:"
_PLAIN_TAGS: Final = frozenset(_TAG + name for name in ("str", "timestamp", "value"))


class Problem(msgspec.Struct, frozen=True):
    """One thing wrong with a file: its line (from 1), the field's path (`games[0].slug`), and what to do."""

    line: int
    field: str
    message: str

    def __str__(self) -> str:
        where = f"line {self.line}" if not self.field else f"line {self.line}: {self.field}"
        return f"{where}: {self.message}"


class DefinitionInvalid(Exception):
    """The file can't be used; nothing was changed. `problems` is never empty, in the order of the file."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = sorted(problems, key=lambda problem: problem.line)


class Source(msgspec.Struct, frozen=True):
    """A file's plain data, and the line on which each path begins."""

    data: Any
    lines: dict[Path, int]

    def problem(self, path: Path, message: str) -> Problem:
        """A problem at a path; a path that isn't in the file gets the line of its nearest ancestor."""
        known = path
        while known and known not in self.lines:
            known = known[:-1]
        return Problem(line=self.lines.get(known, 1), field=dotted(path), message=message)


def dotted(path: Path) -> str:
    """`('games', 0, 'slug')` as `games[0].slug`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def path_of(pointer: str) -> Path:
    """The decoder's `$.games[0].slug` as a path; a map's value (`[...]`) ends it."""
    steps: list[str | int] = []
    for name, index in re.findall(r"\.([A-Za-z0-9_]+)|\[(\d+|\.\.\.)\]", pointer):
        if index == "...":
            break
        steps.append(name or int(index))
    return tuple(steps)


def read_yaml(text: str) -> Source:
    """Read one YAML document. Raises `DefinitionInvalid` where anything in it can't be read."""
    source, unread = read_source(text)
    if unread:
        raise DefinitionInvalid(unread)
    return source


def read_source(text: str) -> tuple[Source, list[Problem]]:
    """Read one YAML document: what could be read of it, and what could not.

    Raises `DefinitionInvalid` where it is no document at all.
    """
    if len(text.encode("utf-8", "surrogatepass")) > FILE_BYTES_MAX:
        raise DefinitionInvalid([Problem(1, "", f"the file is larger than {FILE_BYTES_MAX} bytes")])
    try:
        _refuse_aliases(text)
        node = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        line, message = explained(text, error)
        raise DefinitionInvalid([Problem(line, "", message)]) from None
    if node is None:
        raise DefinitionInvalid([Problem(1, "", "the file is empty")])
    reader = _Reader()
    data = reader.read(node, ())
    return Source(data, reader.lines), reader.problems


def _refuse_aliases(text: str) -> None:
    for token in yaml.scan(text, Loader=yaml.CSafeLoader):
        if isinstance(token, yaml.AnchorToken | yaml.AliasToken | yaml.TagToken):
            problem = "anchors, aliases and tags are not supported: write the value out"
            raise DefinitionInvalid([Problem(token.start_mark.line + 1, "", problem)])


class _Reader:
    def __init__(self) -> None:
        self.lines: dict[Path, int] = {}
        self.problems: list[Problem] = []
        self._scalars = yaml.constructor.SafeConstructor()

    def read(self, node: yaml.Node, path: Path) -> Any:
        self.lines.setdefault(path, node.start_mark.line + 1)
        if len(path) > DEPTH_MAX:
            self._problem(node, path, f"nested deeper than {DEPTH_MAX}")
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.read(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._problem(key_node, path, "a key must be text")
                continue
            key = str(key_node.value)
            if key in mapping:
                self._problem(key_node, (*path, key), "is given twice")
                continue
            self.lines[(*path, key)] = key_node.start_mark.line + 1
            mapping[key] = self.read(value_node, (*path, key))
        return mapping

    def _scalar(self, node: yaml.Node, path: Path) -> Any:
        if node.tag in _PLAIN_TAGS:
            return node.value
        try:
            value = self._scalars.construct_object(node)
        except (ValueError, yaml.YAMLError):
            self._problem(node, path, f"can't be read: {node.value}")
            return None
        if isinstance(value, float) and not math.isfinite(value):
            self._problem(node, path, "must be a finite number")
        return value if _FREE in path else whole(value)

    def _problem(self, node: yaml.Node, path: Path, message: str) -> None:
        self.problems.append(Problem(node.start_mark.line + 1, dotted(path), message))
