"""The frame that all of the dashboard's sections share (`static/frame.html`), filled for one. Pure."""

from __future__ import annotations

from collections.abc import Callable
from string import Template
from typing import Final

from api.dashboard.sections import OPERATORS, SECTIONS, Panel, Section

_STATIC: Final = "/dashboard/static"


def framed(section: Section, text: Callable[[str], str]) -> str:
    """The section's HTML; `text` reads a file under `static/`."""
    return Template(text("frame.html")).substitute(
        title=f"Questlog {section.label.lower()}",
        label=section.label,
        styles="".join(f'  <link rel="stylesheet" href="{_STATIC}/{path}">\n' for path in _styles(section)),
        script=section.script,
        body_class=section.name,
        links="".join(_link(other, current=other is section) for other in SECTIONS),
        pickers=text("pickers.html") if section.has_filters else "",
        panels="".join(map(_panel, section.panels)),
        note=section.note,
        purpose=section.purpose,
    )


def _styles(section: Section) -> list[str]:
    names = ("tokens", "layout", "sections", "panels", *(("charts",) if section.has_charts else ()), "parts")
    vendor = ["vendor/uPlot.min.css"] if section.has_charts else []
    return [*vendor, *(f"css/{name}.css" for name in (*names, *section.styles))]


def _link(section: Section, *, current: bool) -> str:
    """The first of the operators' sections is headed by whose they are."""
    mark = ' aria-current="page"' if current else ""
    heading = '      <span class="whose">Operators</span>\n' if section is OPERATORS[0] else ""
    return f'{heading}      <a href="/dashboard/{section.name}"{mark}>{section.label}</a>\n'


def _panel(panel: Panel) -> str:
    return (
        f'    <section class="panel w{panel.width} fixed" id="{panel.id}" aria-busy="true">'
        f"<header><h2>{panel.heading}</h2></header>"
        '<div class="content"><div class="skeleton"></div></div></section>\n'
    )
