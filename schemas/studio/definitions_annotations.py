"""The `annotations` section of a game's definition: moments that charts over time are marked with."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from schemas.studio.definitions_events import Section, Time, utc

ANNOTATIONS_MAX: Final = 200


class AnnotationSection(Section, frozen=True, kw_only=True):
    """One entry of `annotations`, such as a sale or a stream."""

    at: Time
    text: Annotated[str, Meta(min_length=1, max_length=80)]


def annotations_settings(annotations: list[AnnotationSection]) -> dict[str, Any]:
    """In UTC; left out where there are none, so that definitions from before are equal still."""
    if not annotations:
        return {}
    in_utc = [msgspec.structs.replace(one, at=utc(one.at)) for one in annotations]
    return {"annotations": msgspec.to_builtins(in_utc)}
