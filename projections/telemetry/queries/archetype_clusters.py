"""Testers whose texts are alike, in clusters. Pure.

Source: contract/analytics.md, "`testers/{game}/archetypes`".
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CLUSTERS_MAX: Final = 12
MEMBERS_MIN: Final = 2
COMMON_TAGS_MAX: Final = 5
COMMON_MEMBERS_MIN: Final = 2
COMMON_PCT_MIN: Final = 30
_PLACES: Final = 6


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """A tester: how much was played, which frictions were met, and the text that stands for it all."""

    device_id: str
    sessions: int
    active_ms: int
    friction: frozenset[str]
    text: str


class Cluster(msgspec.Struct, frozen=True, kw_only=True):
    """Members in the order in which they joined, the founder first, and how similar each is to it."""

    members: list[Described]
    similarities: list[float]

    @property
    def founder(self) -> Described:
        """The first member."""
        return self.members[0]

    def common_friction(self) -> list[str]:
        """Tags of at least 2 members and 30 % of them: 5, by members descending, then tag."""
        counts: dict[str, int] = {}
        for member in self.members:
            for tag in member.friction:
                counts[tag] = counts.get(tag, 0) + 1
        most = len(self.members)
        common = [
            (-count, tag)
            for tag, count in counts.items()
            if count >= COMMON_MEMBERS_MIN and 100 * count >= COMMON_PCT_MIN * most
        ]
        return [tag for _, tag in sorted(common)[:COMMON_TAGS_MAX]]

    def representatives(self, most: int) -> list[Described]:
        """The founder, then the most similar to it, then by device id."""
        others = list(zip(self.members[1:], self.similarities[1:], strict=True))
        others.sort(key=lambda one: (-one[1], one[0].device_id))
        return [self.founder, *(member for member, _ in others)][:most]


def clusters(
    testers: Sequence[Described], vectors: Mapping[str, Sequence[float]], similarity: float
) -> list[Cluster]:
    """Clusters of 2 and more: 12 at most, by size descending, then by founder.

    `vectors` are each text's, of length 1. The order of `testers` does not matter.
    """
    ordered = sorted(testers, key=lambda tester: (-tester.sessions, tester.device_id))
    members = np.array([vectors[one.text] for one in ordered], dtype=np.float64)
    founders = np.empty_like(members)
    found: list[Cluster] = []
    for one, vector in zip(ordered, members, strict=True):
        if found:
            cosines = np.round(founders[: len(found)] @ vector, _PLACES)
            nearest = int(np.argmax(cosines))  # of equal ones the first: the older cluster
            if cosines[nearest] >= similarity:
                found[nearest].members.append(one)
                found[nearest].similarities.append(float(cosines[nearest]))
                continue
        founders[len(found)] = vector
        found.append(Cluster(members=[one], similarities=[1.0]))
    groups = [one for one in found if len(one.members) >= MEMBERS_MIN]
    groups.sort(key=lambda one: (-len(one.members), one.founder.device_id))
    return groups[:CLUSTERS_MAX]


def archetype_id(game_id: str, environment: str, founder: str) -> str:
    """`arc_` and 12 hexadecimal digits: the same as long as the founder is."""
    text = f"{game_id}\n{environment}\n{founder}".encode("utf-8", "surrogatepass")
    return f"arc_{hashlib.sha256(text).hexdigest()[:12]}"
