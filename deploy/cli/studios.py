"""The studio that a command names; one that does not exist is answered with those that do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.cli.errors import RequestRefused
from schemas.studio.unknown_studio import unknown_studio

if TYPE_CHECKING:
    from projections.studio.queries import StudioQueries
    from schemas.edge.ports import Studio


async def studio_of(queries: StudioQueries, slug: str) -> Studio:
    """A studio by its slug. RequestRefused where there is none."""
    found = await queries.studio_by_slug(slug)
    if found is None:
        raise RequestRefused(unknown_studio(slug, [one.slug for one in await queries.studios()]))
    return found
