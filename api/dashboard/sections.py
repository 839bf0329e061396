"""The dashboard's sections in the order of the navigation, and where old addresses lead. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import urlencode


class Panel(NamedTuple):
    """A panel that is there before its data: its id, its heading, and its width of 12 columns.

    It has a height of its own, so that what arrives moves nothing.
    """

    id: str
    heading: str
    width: int


class Section(NamedTuple):
    """A page under `/dashboard`, by its name there. All texts are HTML."""

    name: str
    label: str
    script: str
    panels: tuple[Panel, ...]
    styles: tuple[str, ...] = ()
    note: str = "Figures count what players sent in the chosen range."
    """The footer's second sentence."""
    purpose: str = "shows its figures"
    """What the page does with JavaScript."""
    has_charts: bool = True
    has_filters: bool = False
    """Whether build, environment and time can be picked beside the game (`static/pickers.html`)."""
    plays_media: bool = False
    """Whether it plays recordings from where the object store serves them."""


_SAID: Final = "Texts of players and findings are shown as they were sent."
LIVE: Final = Section(
    name="live",
    label="Live",
    script="main_live.js",
    styles=("liveops",),
    has_filters=True,
    panels=(
        Panel("live-events", "Events + positions per minute, live", 7),
        Panel("summary", "In this time", 5),
        Panel("timeline", "Events over time", 8),
        Panel("event-names", "Event names", 4),
        Panel("event", "One event", 12),
    ),
)
PLAYERS: Final = Section(
    name="players",
    label="Players and sessions",
    script="main_players.js",
    styles=("liveops", "insights"),
    note=_SAID,
    has_filters=True,
    panels=(
        Panel("sessions", "Players and sessions", 6),
        Panel("funnel", "Funnel", 6),
        Panel("active", "Active players", 6),
        Panel("retention", "Retention", 6),
        Panel("testers", "Testers", 4),
        Panel("journey", "A tester’s journey", 8),  # noqa: RUF001 - as it is printed
        Panel("session", "One session", 12),
        Panel("feedback", "Feedback", 7),
        Panel("archetypes", "Archetypes", 5),
    ),
)
BUILDS: Final = Section(
    name="builds",
    label="Builds",
    script="main_builds.js",
    styles=("liveops", "insights"),
    note=_SAID,
    has_filters=True,
    panels=(
        Panel("builds", "Builds side by side", 7),
        Panel("fps", "Frame rate by build", 5),
        Panel("compare", "Build against build", 12),
        Panel("suggestions", "What to fix first", 12),
        Panel("experiments", "Experiments", 4),
        Panel("comparison", "Variants side by side", 8),
    ),
)
LIVEOPS: Final = Section(
    name="liveops",
    label="Live-ops",
    script="main_liveops.js",
    styles=("liveops",),
    note="Amounts are those of the ledger.",
    has_filters=True,
    panels=(
        Panel("leaderboard", "Leaderboard", 5),
        Panel("player", "Player", 7),
        Panel("economy", "Economy", 12),
    ),
)
PLAYTESTS: Final = Section(
    name="playtests",
    label="Playtests",
    script="main_playtests.js",
    note="Decisions are written to the log; they cannot be taken back.",
    purpose="shows and reviews playtests",
    styles=("liveops", "playtests"),
    has_charts=False,
    plays_media=True,
    panels=(
        Panel("credit", "Account", 12),
        Panel("reviews", "Review queue", 12),
        Panel("orders", "Playtests", 7),
        Panel("slots", "Slots", 5),
        Panel("applications", "Applications", 7),
        Panel("batches", "Key batches", 5),
    ),
)
OPERATORS: Final = (
    Section(
        name="system",
        label="System",
        script="main_system.js",
        styles=("fleet",),
        note="These figures are of the whole deployment, not of one studio.",
        purpose="shows what the deployment does",
        has_charts=False,
        panels=(Panel("projections", "Projection lag", 7), Panel("hosts", "Hosts", 5)),
    ),
)
"""What is of the deployment, not of a studio."""
SECTIONS: Final = (
    LIVE,
    PLAYERS,
    BUILDS,
    Section(
        name="heatmaps",
        label="Heatmaps",
        script="main_heatmaps.js",
        has_filters=True,
        panels=(
            Panel("heatmaps", "Where players are", 12),
            Panel("cell", "Sessions in a cell", 12),
            Panel("models", "Uploaded models", 12),
        ),
    ),
    LIVEOPS,
    PLAYTESTS,
    Section(
        name="fleet",
        label="Fleet",
        script="main_fleet.js",
        note="Running servers count against the plan’s limit. "  # noqa: RUF001 - as it is printed
        "Stopping one ends its players’ game.",  # noqa: RUF001 - likewise
        purpose="shows and starts game servers",
        styles=("fleet",),
        panels=(
            Panel("states", "Servers by state", 12),
            Panel("servers", "Servers", 7),
            Panel("usage", "Resource usage", 5),
            Panel("log", "Log", 12),
            Panel("builds", "Builds", 7),
            Panel("processing", "Processing log", 5),
        ),
    ),
    Section(
        name="dictionary",
        label="Dictionary",
        script="main_dictionary.js",
        note="Analysts ask these views in ClickHouse: “questlog analysts create” makes an account.",
        purpose="shows what views hold",
        styles=("dictionary",),
        has_charts=False,
        panels=(Panel("views", "Views", 12),),
    ),
    *OPERATORS,
)
OLD_PAGES: Final = ("analytics", "insights")
"""Pages of before, whose panels are spread over sections."""
_LED_BY: Final = {
    "analytics": (("event", LIVEOPS), ("window", LIVEOPS), ("part", LIVEOPS), ("player", LIVEOPS)),
    "insights": (("tester", PLAYERS), ("q", PLAYERS)),
}
"""What an old page's query chose, and the section that shows it."""


def moved_to(page: str, query: Mapping[str, str]) -> str:
    """The address in whose section what an old page's address shows is shown, with the same query."""
    default = LIVE if page == "analytics" else BUILDS
    section = next((where for name, where in _LED_BY[page] if query.get(name)), default)
    return f"/dashboard/{section.name}" + (f"?{urlencode(query)}" if query else "")
