"""The `webhooks` section of a game's definition: where what happens in it is posted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final, Literal, get_args

from msgspec import Meta

from schemas.fleet.webhooks import FleetWebhookType
from schemas.liveops.webhooks import WebhookType
from schemas.playtests.webhooks import PlaytestWebhookType
from schemas.studio.definitions_events import Finding, Key, Section
from schemas.studio.webhook_urls import UrlRefused, webhook_url

WEBHOOKS_MAX: Final = 20
URL_LENGTH_MAX: Final = 2000

EventName = Literal[WebhookType, PlaytestWebhookType, FleetWebhookType]
EVENTS_MAX: Final = len(get_args(EventName))


class Webhook(Section, frozen=True, kw_only=True):
    """One target. Another `secretName` gives it another signing secret (`questlog webhooks secret`)."""

    id: Key
    url: Annotated[str, Meta(max_length=URL_LENGTH_MAX)]
    events: Annotated[list[EventName], Meta(min_length=1, max_length=EVENTS_MAX)]
    secret_name: Key | None = None


def webhook_problems(webhooks: list[Webhook]) -> Iterator[Finding]:
    """What the shapes alone don't say, with paths below the game. Pure: no name is resolved here."""
    for index, webhook in enumerate(webhooks):
        problem = url_problem(webhook.url)
        if problem is not None:
            yield ("webhooks", index, "url"), problem
        if len(set(webhook.events)) < len(webhook.events):
            yield ("webhooks", index, "events"), "an event is given twice"


def url_problem(url: str) -> str | None:
    """Why a URL can't be a target; None when it can. Addresses are checked when it is called, not here."""
    try:
        webhook_url(url)
    except UrlRefused as error:
        return str(error)
    return None
