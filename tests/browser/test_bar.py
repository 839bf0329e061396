"""The bar on screens of laptops: all sections in one row, nothing cut off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.world import MANAGEMENT

if TYPE_CHECKING:
    from tests.browser.conftest import Open

pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.asyncio(loop_scope="module")]

MEASURES = """
() => {
  const bar = document.querySelector(".bar").getBoundingClientRect();
  const every = [...document.querySelectorAll(".sections a, .actions button")];
  const row = every.filter((one) => one.checkVisibility());
  const middle = (one) => (one.getBoundingClientRect().top + one.getBoundingClientRect().bottom) / 2;
  return {
    links: document.querySelectorAll(".sections a").length,
    shown: row.filter((one) => one.matches(".sections a")).length,
    rows: new Set(row.map((one) => Math.round(middle(one) / 10))).size,
    cut: row.filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.textContent),
    beyond: row.filter((one) => one.getBoundingClientRect().right > bar.right).length,
  };
}
"""


@pytest.mark.parametrize("width", [1271, 1280, 1366, 1401, 1920])
async def test_a_laptop_shows_every_section_in_one_row(visiting: Open, width: int) -> None:
    async with visiting(width=width) as visit:
        await visit.look(MANAGEMENT, "game=doom")
        found = await visit.page.evaluate(MEASURES)
    assert found == {"links": found["links"], "shown": found["links"], "rows": 1, "cut": [], "beyond": 0}
    assert found["links"] > 5
