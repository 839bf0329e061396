"""A game's settings as they travel: in the define command, in events, and back out of the directory."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from schemas.edge.ports import Limits

PLANS: Final = ("free", "indie", "studio")
PLAN_REQUESTS_PER_MINUTE: Final = {"free": 60, "indie": 300, "studio": 1200}

RESERVED_SLUGS: Final = frozenset({"compare", "archetypes"})
"""Fixed path segments win over parameters, so nothing may be called like one."""

SLUG_PATTERN: Final = r"^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?\Z"
UUID_PATTERN: Final = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z"
GAME_ID_PATTERN: Final = rf"^game_[A-Za-z0-9]{{1,60}}\Z|{UUID_PATTERN}"


_ITEM_KEYS: Final = {"events": "eventKey", "audiences": "id", "experiments": "id", "funnels": "key"}
"""Lists of a definition whose entries are named one by one where they change, and what names an entry."""


class GameSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a definition says about one game, validated. Equal settings are equal definitions."""

    slug: str
    name: str
    limits: Limits = Limits()
    heatmap_axes: str = "xy"
    feedback_forms: list[dict[str, Any]] = []
    definition: dict[str, Any] = {}
    """The rest of the game's YAML (catalog, events) as plain data, camelCase, defaults filled in."""


def changed_fields(before: GameSettings, after: GameSettings) -> list[str]:
    """What differs, as sorted YAML field names: `name`, `limits.ingestPerSecond`, `events[weekly-frags]`."""
    changed = [
        name
        for name, field in (("slug", "slug"), ("name", "name"), ("heatmapAxes", "heatmap_axes"))
        if getattr(before, field) != getattr(after, field)
    ]
    changed += [
        f"limits.{_camel(field)}"
        for field in before.limits.__struct_fields__
        if getattr(before.limits, field) != getattr(after.limits, field)
    ]
    changed += _changed_items("feedbackForms", "id", before.feedback_forms, after.feedback_forms)
    old, new = before.definition, after.definition
    for name, key in _ITEM_KEYS.items():
        changed += _changed_items(name, key, old.get(name, []), new.get(name, []))
    changed += [name for name in {*old, *new} - {*_ITEM_KEYS} if old.get(name) != new.get(name)]
    return sorted(changed)


def _changed_items(
    name: str, key: str, before: list[dict[str, Any]], after: list[dict[str, Any]]
) -> list[str]:
    old, new = {item[key]: item for item in before}, {item[key]: item for item in after}
    changed = [f"{name}[{item}]" for item in {*old, *new} if old.get(item) != new.get(item)]
    if not changed and before != after:
        return [name]  # only their order changed
    return changed


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
