from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from api.dashboard.page_frame import PAGES, Page, framed
from api.dashboard.static_files import STATIC, StaticFiles

FILES = StaticFiles(None)
VENDOR = "/dashboard/static/vendor/"


class Read(HTMLParser):
    """What a page holds."""

    def __init__(self, page: Page) -> None:
        super().__init__()
        self.attributes: list[tuple[str, dict[str, str | None]]] = []
        self.scripts = ""
        self.feed(framed(page, FILES.text))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.attributes and self.attributes[-1][0] in {"script", "style"}:
            self.scripts += data.strip()

    def of(self, name: str) -> list[str]:
        return [value for _, one in self.attributes if (value := one.get(name)) is not None]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_keeps_to_the_policy_and_names_files_that_there_are(page: Page) -> None:
    read = Read(page)
    assert read.scripts == ""
    assert not [
        name for _, one in read.attributes for name in one if name == "style" or name.startswith("on")
    ]
    named = [one for one in (*read.of("src"), *read.of("href")) if one.startswith("/dashboard/static/")]
    assert len(named) > 5
    for one in named:
        assert one.startswith(VENDOR) or (STATIC / one.removeprefix("/dashboard/static/")).is_file()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_marks_itself_among_all_and_has_each_panel_once(page: Page) -> None:
    read, text = Read(page), framed(page, FILES.text)
    assert re.findall(r'href="/dashboard/(\w+)"', text) == [one.name for one in PAGES]
    assert [one["href"] for _, one in read.attributes if "aria-current" in one] == [f"/dashboard/{page.name}"]
    ids = read.of("id")
    assert len(set(ids)) == len(ids)
    assert [one for one in ids if one in {panel.id for panel in page.panels}] == [
        one.id for one in page.panels
    ]
    assert ("range" in ids) is page.has_filters
