"""The dashboard's pages: what each one has in the frame that all share (`static/frame.html`). Pure."""

from __future__ import annotations

from collections.abc import Callable
from string import Template
from typing import Final, NamedTuple

_STATIC: Final = "/dashboard/static"


class Panel(NamedTuple):
    """A panel that is there before its data: its id, its heading, and its width of 12 columns."""

    id: str
    heading: str
    width: int


class Page(NamedTuple):
    """A page under `/dashboard`, by its name there. All texts are HTML."""

    name: str
    label: str
    script: str
    skip_to: str
    note: str
    """The footer's second sentence."""
    purpose: str
    """What the page does with JavaScript."""
    styles: tuple[str, ...]
    has_charts: bool = False
    has_filters: bool = False
    """Whether build, environment and time can be picked beside the game (`static/pickers.html`)."""
    plays_media: bool = False
    """Whether it plays recordings from where the object store serves them."""
    panels: tuple[Panel, ...] = ()
    """In a fixed order; none where the page's script makes them."""


ANALYTICS: Final = Page(
    name="analytics",
    label="Analytics",
    script="main.js",
    skip_to="figures",
    note="Figures count what players sent in the chosen range.",
    purpose="draws its charts",
    styles=("liveops",),
    has_charts=True,
    has_filters=True,
)
PAGES: Final = (
    ANALYTICS,
    Page(
        name="insights",
        label="Insights",
        script="main_insights.js",
        skip_to="figures",
        note="What players and rules said is shown as they said it.",
        purpose="shows its figures",
        styles=("liveops", "parts", "insights"),
        panels=(
            Panel("compare", "Build against build", 12),
            Panel("suggestions", "What to fix first", 12),
            Panel("experiments", "Experiments", 4),
            Panel("comparison", "Variants side by side", 8),
            Panel("testers", "Testers", 4),
            Panel("journey", "A tester’s journey", 8),  # noqa: RUF001 - as it is printed
            Panel("feedback", "Feedback", 7),
            Panel("archetypes", "Archetypes", 5),
        ),
    ),
    Page(
        name="playtests",
        label="Playtests",
        script="main_playtests.js",
        skip_to="playtests",
        note="Decisions are written to the log; they cannot be taken back.",
        purpose="shows and reviews playtests",
        styles=("liveops", "parts", "playtests"),
        plays_media=True,
        panels=(
            Panel("credit", "Account", 12),
            Panel("reviews", "Review queue", 12),
            Panel("orders", "Playtests", 7),
            Panel("slots", "Slots", 5),
            Panel("applications", "Applications", 7),
            Panel("batches", "Key batches", 5),
        ),
    ),
    Page(
        name="fleet",
        label="Servers",
        script="main_fleet.js",
        skip_to="servers",
        note="A server that runs costs its studio’s room; "  # noqa: RUF001 - as it is printed
        "stopping one ends the games of its players.",
        purpose="shows and starts game servers",
        styles=("parts", "fleet"),
        has_charts=True,
        panels=(
            Panel("states", "Servers by state", 12),
            Panel("servers", "Servers", 7),
            Panel("usage", "What it uses", 5),
            Panel("log", "Log", 7),
            Panel("hosts", "Hosts", 5),
            Panel("builds", "Builds", 7),
            Panel("processing", "Processing log", 5),
        ),
    ),
)


def framed(page: Page, text: Callable[[str], str]) -> str:
    """The page's HTML; `text` reads a file under `static/`."""
    panels = "".join(_panel(panel) for panel in page.panels)
    return Template(text("frame.html")).substitute(
        title=f"Questlog {page.label.lower()}",
        label=page.label,
        styles="".join(f'  <link rel="stylesheet" href="{_STATIC}/{path}">\n' for path in _styles(page)),
        script=page.script,
        body_class=f' class="{page.name} fixed"' if page.panels else "",
        skip_to=page.skip_to,
        links="".join(_link(other, current=other is page) for other in PAGES),
        pickers=text("pickers.html") if page.has_filters else "",
        panels=f"\n{panels}  " if panels else "",
        note=page.note,
        purpose=page.purpose,
    )


def _styles(page: Page) -> list[str]:
    names = ("tokens", "layout", "panels", *(("charts",) if page.has_charts else ()), *page.styles)
    vendor = ["vendor/uPlot.min.css"] if page.has_charts else []
    return [*vendor, *(f"css/{name}.css" for name in names)]


def _link(page: Page, *, current: bool) -> str:
    mark = ' aria-current="page"' if current else ""
    return f'      <a href="/dashboard/{page.name}"{mark}>{page.label}</a>\n'


def _panel(panel: Panel) -> str:
    return (
        f'    <section class="panel w{panel.width}" id="{panel.id}" aria-busy="true">'
        f"<header><h2>{panel.heading}</h2></header>"
        '<div class="content"><div class="skeleton"></div></div></section>\n'
    )
