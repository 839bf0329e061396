"""A noun's topics with the partition counts and retention of a deployment, for who needs no other noun."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from deploy.settings import SettingsError, partitions_variable

if TYPE_CHECKING:
    from deploy.settings import Settings
    from schemas.noun import NounSchema
    from schemas.topics import Topic

_DAY_MS: Final = 24 * 60 * 60 * 1000


def counted(schema: NounSchema, configured: Settings) -> list[Topic]:
    """Its topics as this deployment has them. Raises SettingsError for a partition count that can't be."""
    found = [_kept(topic, configured) for topic in schema.topics]
    count = configured.partitions.get(schema.name)
    if count is None:
        return found
    most = max((topic.partitions_max for topic in found), default=0)
    if count > most:
        raise SettingsError(f"{partitions_variable(schema.name)} must be from 1 to {most}, not {count}")
    return [replace(topic, partitions=min(count, topic.partitions_max)) for topic in found]


def _kept(topic: Topic, configured: Settings) -> Topic:
    days = configured.telemetry_retention_days
    return replace(topic, retention_ms=days * _DAY_MS) if days and topic.trimmable else topic
