"""Friction and praise: which findings are which, and the tags and clusters that findings are told by. Pure.

Source: contract/analytics.md, "Friction".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

FRICTION_TYPES: Final = (
    "bug-report",
    "stuck-point",
    "difficulty-spike",
    "ui-friction",
    "confusion",
    "pacing-issue",
    "negative-moment",
)
PRAISE_TYPES: Final = ("positive-moment", "praise")
SLUG_CHARACTERS_MAX: Final = 48
CLUSTERS_MAX: Final = 5

_SUFFIXES: Final = dict(
    zip(
        FRICTION_TYPES,
        ("-bug", "-stuck", "-difficulty", "-ui", "-confusion", "-pacing", "-moment"),
        strict=True,
    )
)
_NO_LETTERS: Final = re.compile(r"[\W_]+")


class Cluster(msgspec.Struct, frozen=True):
    """Findings of one type at one place. `tag` is the place's slug, else the type; `count` counts testers."""

    type: str
    tag: str
    count: int


class TagCount(NamedTuple):
    """How many testers have findings of a type with a tag."""

    type: str
    tag: str
    testers: int


def slug_of(place: str) -> str:
    """A place as part of a tag: letters and digits of any script, with one `-` for each run of others.

    Empty where it has neither. Places that differ in case, width or punctuation have the same slug.
    """
    folded = unicodedata.normalize("NFKC", place).casefold()
    return _NO_LETTERS.sub("-", folded).strip("-")[:SLUG_CHARACTERS_MAX]


def tag_of(kind: str, place: str) -> str:
    """The tag of a finding of this type: the place's slug and what was found, else the type."""
    slug = slug_of(place)
    return slug + _suffix(kind) if slug else kind


def cluster_tag(kind: str, tag: str) -> str:
    """What `tag_of` made of a place, without what was found: the bare slug, else the type."""
    return kind if tag == kind else tag.removesuffix(_suffix(kind))


def top_clusters(counts: Iterable[TagCount], types: Iterable[str]) -> list[Cluster]:
    """The clusters of these types that most testers have; ties by type, then by tag."""
    wanted = frozenset(types)
    clusters = [
        Cluster(kind, cluster_tag(kind, tag), testers) for kind, tag, testers in counts if kind in wanted
    ]
    return sorted(clusters, key=lambda one: (-one.count, one.type, one.tag))[:CLUSTERS_MAX]


def _suffix(kind: str) -> str:
    return _SUFFIXES.get(kind, f"-{kind}")
