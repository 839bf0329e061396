"""Slugs, tags and clusters (contract/analytics.md, "Friction")."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from schemas.telemetry.friction import (
    CLUSTERS_MAX,
    FRICTION_TYPES,
    PRAISE_TYPES,
    Cluster,
    TagCount,
    cluster_tag,
    slug_of,
    tag_of,
    top_clusters,
)
from schemas.telemetry.insights import INSIGHT_TYPES


@pytest.mark.parametrize(
    ("place", "slug"),
    [
        ("act2_door", "act2-door"),
        ("  Act 2 / DOOR!  ", "act-2-door"),
        ("Lüftungsschacht", "lüftungsschacht"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("Зал №3", "зал-no3"),
        ("第3章", "第3章"),
        ("\uff26\uff35LL\u3000wi\uff44th", "full-width"),
        ("x²", "x2"),
        ("<script>alert('x')</script>", "script-alert-x-script"),
        ("https://evil.example/?q=1", "https-evil-example-q-1"),
        ("a" * 60, "a" * 48),
        ("a" * 47 + " b", "a" * 47 + "-"),
        ("", ""),
        ("🙂 \u2013 !", ""),
    ],
)
def test_slugs(place: str, slug: str) -> None:
    assert slug_of(place) == slug


@given(st.text(max_size=120))
def test_a_slug_is_letters_digits_and_single_dashes(place: str) -> None:
    slug = slug_of(place)
    assert len(slug) <= 48
    assert not slug.startswith("-")
    assert "--" not in slug
    folded = unicodedata.normalize("NFKC", place).casefold()
    letters = [one for one in folded if one.isalnum()]
    assert [one for one in slug if one != "-"] == letters[: len(slug.replace("-", ""))]
    assert bool(slug) == bool(letters)


def test_tags_name_what_was_found() -> None:
    tags = [tag_of(kind, "The Door") for kind in FRICTION_TYPES]
    assert tags == [
        "the-door-bug",
        "the-door-stuck",
        "the-door-difficulty",
        "the-door-ui",
        "the-door-confusion",
        "the-door-pacing",
        "the-door-moment",
    ]
    assert tag_of("positive-moment", "The Door") == "the-door-positive-moment"
    assert tag_of("praise", "The Door") == "the-door-praise"
    assert all(tag_of(kind, "!") == kind for kind in INSIGHT_TYPES)


@given(st.sampled_from(INSIGHT_TYPES), st.text(max_size=60))
def test_a_clusters_tag_is_the_bare_slug_else_the_type(kind: str, place: str) -> None:
    assume((kind, slug_of(place)) != ("negative-moment", "negative"))  # its tag is the type's own
    assert cluster_tag(kind, tag_of(kind, place)) == (slug_of(place) or kind)


def test_clusters_are_the_five_that_most_testers_have() -> None:
    counts = [
        TagCount("stuck-point", "door-stuck", 4),
        TagCount("bug-report", "door-bug", 4),
        TagCount("bug-report", "attic-bug", 4),
        TagCount("bug-report", "bug-report", 9),
        TagCount("praise", "door-praise", 50),
        TagCount("ui-friction", "menu-ui", 6),
        TagCount("confusion", "z-confusion", 1),
    ]
    expected = [
        Cluster("bug-report", "bug-report", 9),
        Cluster("ui-friction", "menu", 6),
        Cluster("bug-report", "attic", 4),
        Cluster("bug-report", "door", 4),
        Cluster("stuck-point", "door", 4),
    ]
    assert top_clusters(counts, FRICTION_TYPES) == expected
    assert top_clusters(reversed(counts), FRICTION_TYPES) == expected
    assert len(expected) == CLUSTERS_MAX
    assert top_clusters(counts, PRAISE_TYPES) == [Cluster("praise", "door", 50)]
