"""One game of a definition file: names, catalog, feedback forms, limits, axes, events, and more sections."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Annotated, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from schemas.edge import ports
from schemas.studio.definitions_annotations import (
    ANNOTATIONS_MAX,
    AnnotationSection,
    annotations_settings,
)
from schemas.studio.definitions_batches import BATCHES_MAX, BatchSection
from schemas.studio.definitions_events import (
    EventDefinition,
    Finding,
    Key,
    Name,
    Section,
    event_problems,
    utc,
)
from schemas.studio.definitions_experiments import (
    AUDIENCES_MAX,
    EXPERIMENTS_MAX,
    AudienceSection,
    ExperimentSection,
    audience_problems,
    experiment_problems,
    experiments_settings,
)
from schemas.studio.definitions_funnels import (
    FUNNELS_MAX,
    FunnelSection,
    funnel_problems,
    funnels_settings,
)
from schemas.studio.definitions_hosting import HostingSection, hosting_problems
from schemas.studio.definitions_webhooks import WEBHOOKS_MAX, Webhook, webhook_problems
from schemas.studio.games import (
    GAME_ID_PATTERN,
    RESERVED_SLUGS,
    SLUG_PATTERN,
    UUID_PATTERN,
    GameSettings,
)

EVENTS_MAX: Final = 200

FieldKind = Literal["rating-1-5", "short-text", "long-text", "yes-no"]
Rate = Annotated[float, Meta(gt=0, le=1e9)]
Streams = Annotated[int, Meta(ge=1, le=10**6)]
Slug = Annotated[
    str,
    Meta(
        pattern=SLUG_PATTERN,
        description="1 to 64 of lower-case letters, digits and `-`, neither first nor last a `-`",
    ),
]


class Item(Section, frozen=True, kw_only=True):
    """Something a player can hold."""

    item_key: Key
    name: Name
    metadata: dict[str, str | int | float | bool | None] = {}


class Currency(Section, frozen=True, kw_only=True):
    """Something a player's wallet counts."""

    economy_key: Key
    name: Name


class Catalog(Section, frozen=True, kw_only=True):
    """What exists in a game's economy. Mode `studio`: the studio keeps inventories itself."""

    inventory_mode: Literal["platform", "studio"] = "platform"
    items: Annotated[list[Item], Meta(max_length=1000)] = []
    currencies: Annotated[list[Currency], Meta(max_length=100)] = []


class FormField(Section, frozen=True, kw_only=True):
    """One question of a feedback form."""

    id: Key
    label: Name
    kind: FieldKind
    required: bool = False


class FeedbackForm(Section, frozen=True, kw_only=True):
    """A form shown to players; its answers come in through S1's feedback ingest."""

    id: Annotated[
        str,
        Meta(
            pattern=r"^ff_[A-Za-z0-9_-]{1,60}\Z",
            description="`ff_` and 1 to 60 of letters, digits, `_` and `-`",
        ),
    ]
    name: Name
    fields: Annotated[list[FormField], Meta(min_length=1, max_length=50)]
    trigger_hint: Annotated[str, Meta(max_length=64)] | None = None
    active: bool = True


class LimitsSection(Section, frozen=True, kw_only=True):
    """A game's limits; left out: the default; null: unlimited.

    Those from `sdkReadAddressPerMinute` on are for all players behind one address or with one key together.
    """

    ingest_per_second: Rate | None = ports.Limits().ingest_per_second
    telemetry_per_minute: Rate | None = ports.Limits().telemetry_per_minute
    sdk_read_per_minute: Rate | None = ports.Limits().sdk_read_per_minute
    sdk_write_per_minute: Rate | None = ports.Limits().sdk_write_per_minute
    server_api_per_minute: Rate | None = ports.Limits().server_api_per_minute
    sdk_read_address_per_minute: Rate | UnsetType | None = UNSET
    sdk_write_address_per_minute: Rate | UnsetType | None = UNSET
    sdk_register_address_per_minute: Rate | UnsetType | None = UNSET
    sdk_read_key_per_minute: Rate | UnsetType | None = UNSET
    sdk_write_key_per_minute: Rate | UnsetType | None = UNSET
    streams_address_max: Streams | UnsetType | None = UNSET
    streams_game_max: Streams | UnsetType | None = UNSET


class GameSection(Section, frozen=True, kw_only=True):
    """One entry of `games`."""

    slug: Slug
    name: Name
    id: (
        Annotated[
            str,
            Meta(
                pattern=GAME_ID_PATTERN,
                description="a UUID in lower case, or `game_` and 1 to 60 letters and digits",
            ),
        ]
        | None
    ) = None
    catalog: Catalog = Catalog()
    events: Annotated[list[EventDefinition], Meta(max_length=EVENTS_MAX)] = []
    feedback_forms: Annotated[list[FeedbackForm], Meta(max_length=50)] = []
    webhooks: Annotated[list[Webhook], Meta(max_length=WEBHOOKS_MAX)] = []
    limits: LimitsSection = LimitsSection()
    heatmap_axes: Literal["xy", "xz", "yz"] = "xy"
    batches: Annotated[list[BatchSection], Meta(max_length=BATCHES_MAX)] = []
    audiences: Annotated[list[AudienceSection], Meta(max_length=AUDIENCES_MAX)] = []
    experiments: Annotated[list[ExperimentSection], Meta(max_length=EXPERIMENTS_MAX)] = []
    annotations: Annotated[list[AnnotationSection], Meta(max_length=ANNOTATIONS_MAX)] = []
    funnels: Annotated[list[FunnelSection], Meta(max_length=FUNNELS_MAX)] = []
    hosting: HostingSection = HostingSection()


def slug_problem(slug: str) -> str | None:
    """Why a well-formed slug still can't be had; None when it can."""
    if slug in RESERVED_SLUGS:
        return f"{slug} is reserved: a path of the API has that name"
    if re.match(UUID_PATTERN, slug) or re.fullmatch(r"[0-9a-f]{32}", slug):
        return "a slug may not look like an id"
    return None


def game_problems(game: GameSection) -> Iterator[Finding]:
    """What the shapes alone don't say about one game, with paths below it. Pure."""
    problem = slug_problem(game.slug)
    if problem is not None:
        yield ("slug",), problem
    items = [item.item_key for item in game.catalog.items]
    currencies = [currency.economy_key for currency in game.catalog.currencies]
    yield from given_twice(("catalog", "items"), "itemKey", items)
    yield from given_twice(("catalog", "currencies"), "economyKey", currencies)
    yield from given_twice(("events",), "eventKey", [event.event_key for event in game.events])
    yield from given_twice(("feedbackForms",), "id", [form.id for form in game.feedback_forms])
    yield from given_twice(("webhooks",), "id", [webhook.id for webhook in game.webhooks])
    yield from webhook_problems(game.webhooks)
    yield from given_twice(("batches",), "id", [batch.id for batch in game.batches])
    yield from given_twice(("audiences",), "id", [audience.id for audience in game.audiences])
    yield from given_twice(("experiments",), "id", [experiment.id for experiment in game.experiments])
    yield from given_twice(("funnels",), "key", [funnel.key for funnel in game.funnels])
    yield from _below(("hosting",), hosting_problems(game.hosting))
    for index, audience in enumerate(game.audiences):
        yield from _below(("audiences", index), audience_problems(audience))
    for index, experiment in enumerate(game.experiments):
        audiences = {audience.id for audience in game.audiences}
        yield from _below(("experiments", index), experiment_problems(experiment, audiences))
    for index, funnel in enumerate(game.funnels):
        yield from _below(("funnels", index), funnel_problems(funnel))
    for index, form in enumerate(game.feedback_forms):
        yield from given_twice(("feedbackForms", index, "fields"), "id", [field.id for field in form.fields])
    for index, event in enumerate(game.events):
        yield from _below(("events", index), event_problems(event, set(items), set(currencies)))


def _below(above: tuple[str | int, ...], findings: Iterable[Finding]) -> Iterator[Finding]:
    for path, message in findings:
        yield (*above, *path), message


def given_twice(path: tuple[str | int, ...], key: str, values: Iterable[str | None]) -> Iterator[Finding]:
    """Each of a list's names that an earlier entry has too; None is no name."""
    seen: set[str] = set()
    for index, value in enumerate(values):
        if value in seen:
            yield (*path, index, key), f"{value} is given twice"
        if value is not None:
            seen.add(value)


def _in_utc(event: EventDefinition) -> EventDefinition:
    times = {name: getattr(event.window, name) for name in ("starts_at", "ends_at", "from_")}
    known = {name: utc(time) for name, time in times.items() if time is not None}
    return msgspec.structs.replace(event, window=msgspec.structs.replace(event.window, **known))


def _batch_in_utc(batch: BatchSection) -> BatchSection:
    if batch.expires_at is None:
        return batch
    return msgspec.structs.replace(batch, expires_at=utc(batch.expires_at))


def settings_of(game: GameSection) -> GameSettings:
    """The section as it travels: plain data, defaults filled in, so that equal meaning is equal data."""
    # Left out where there are none, so that definitions from before there were any are equal still.
    webhooks = {"webhooks": msgspec.to_builtins(game.webhooks)} if game.webhooks else {}
    hosting = {"hosting": msgspec.to_builtins(game.hosting)} if game.hosting != HostingSection() else {}
    batches = [msgspec.to_builtins(_batch_in_utc(batch)) for batch in game.batches]
    return GameSettings(
        slug=game.slug,
        name=game.name,
        limits=ports.Limits(**msgspec.structs.asdict(game.limits)),
        heatmap_axes=game.heatmap_axes,
        feedback_forms=[msgspec.to_builtins(form) for form in game.feedback_forms],
        definition={
            "catalog": msgspec.to_builtins(game.catalog),
            "events": [msgspec.to_builtins(_in_utc(event)) for event in game.events],
            **webhooks,
            **({"batches": batches} if batches else {}),
            **hosting,
            **experiments_settings(game.audiences, game.experiments),
            **funnels_settings(game.funnels),
            **annotations_settings(game.annotations),
        },
    )
