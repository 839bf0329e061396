from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from api.dashboard.page_frame import framed
from api.dashboard.sections import OLD_PAGES, OPERATORS, SECTIONS, Section, moved_to
from api.dashboard.static_files import STATIC, StaticFiles

FILES = StaticFiles(None)
VENDOR = "/dashboard/static/vendor/"


class Read(HTMLParser):
    """What a page holds."""

    def __init__(self, section: Section) -> None:
        super().__init__()
        self.attributes: list[tuple[str, dict[str, str | None]]] = []
        self.scripts = ""
        self.feed(framed(section, FILES.text))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.attributes and self.attributes[-1][0] in {"script", "style"}:
            self.scripts += data.strip()

    def of(self, name: str) -> list[str]:
        return [value for _, one in self.attributes if (value := one.get(name)) is not None]


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.name)
def test_a_section_keeps_to_the_policy_and_names_files_that_there_are(section: Section) -> None:
    read = Read(section)
    assert read.scripts == ""
    assert not [
        name for _, one in read.attributes for name in one if name == "style" or name.startswith("on")
    ]
    named = [one for one in (*read.of("src"), *read.of("href")) if one.startswith("/dashboard/static/")]
    assert len(named) > 5
    for one in named:
        assert one.startswith(VENDOR) or (STATIC / one.removeprefix("/dashboard/static/")).is_file()


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.name)
def test_a_section_marks_itself_among_all_and_has_each_panel_once(section: Section) -> None:
    read, text = Read(section), framed(section, FILES.text)
    assert re.findall(r'href="/dashboard/(\w+)"', text) == [one.name for one in SECTIONS]
    assert [one["href"] for _, one in read.attributes if "aria-current" in one] == [
        f"/dashboard/{section.name}"
    ]
    ids = read.of("id")
    assert len(set(ids)) == len(ids)
    assert [one for one in ids if one in {panel.id for panel in section.panels}] == [
        one.id for one in section.panels
    ]
    assert ("range" in ids) is section.has_filters


def test_operators_sections_stand_last_and_under_a_heading_of_their_own() -> None:
    assert SECTIONS[-len(OPERATORS) :] == OPERATORS
    text = framed(SECTIONS[0], FILES.text)
    assert text.count('class="whose"') == 1
    assert text.index('class="whose"') < text.index(f'/dashboard/{OPERATORS[0].name}"')


@pytest.mark.parametrize("page", [framed(SECTIONS[0], FILES.text), FILES.text("sign_in.html")])
def test_the_guides_and_the_api_documentation_are_one_link_away(page: str) -> None:
    assert re.findall(r'<a href="(/docs[^"]*)">([^<]+)</a>', page) == [
        ("/docs#guides", "Guides"),
        ("/docs", "API documentation"),
    ]


@pytest.mark.parametrize(
    ("page", "query", "target"),
    [
        ("analytics", {}, "/dashboard/live"),
        ("analytics", {"game": "doom", "range": "7d"}, "/dashboard/live?game=doom&range=7d"),
        ("analytics", {"game": "doom", "player": "a&b"}, "/dashboard/liveops?game=doom&player=a%26b"),
        ("analytics", {"event": "", "build": "1"}, "/dashboard/live?event=&build=1"),
        ("insights", {"game": "doom", "a": "1", "b": "2"}, "/dashboard/builds?game=doom&a=1&b=2"),
        ("insights", {"tester": "Radia"}, "/dashboard/players?tester=Radia"),
    ],
)
def test_an_old_address_leads_to_the_section_that_shows_what_it_showed(
    page: str, query: dict[str, str], target: str
) -> None:
    assert page in OLD_PAGES
    assert moved_to(page, query) == target
