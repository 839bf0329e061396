"""A noun's topics with the partition counts of a deployment, for who needs no other noun."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from deploy.settings import SettingsError, partitions_variable

if TYPE_CHECKING:
    from deploy.settings import Settings
    from schemas.noun import NounSchema
    from schemas.topics import Topic


def counted(schema: NounSchema, configured: Settings) -> list[Topic]:
    """Its topics with this deployment's partition count. Raises SettingsError for a count that can't be."""
    count = configured.partitions.get(schema.name)
    if count is None:
        return list(schema.topics)
    most = max((topic.partitions_max for topic in schema.topics), default=0)
    if count > most:
        raise SettingsError(f"{partitions_variable(schema.name)} must be from 1 to {most}, not {count}")
    return [replace(topic, partitions=min(count, topic.partitions_max)) for topic in schema.topics]
