"""axe-core's rules on an open page, in its frame as it is: what they call serious or critical."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from deploy.assets import Package, install_assets
from deploy.stack.kafka_jars import default_cache

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playwright.async_api import Page

AXE: Final = Package(
    name="axe-core",
    version="4.14.1",
    integrity="sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
    files={"package/axe.min.js": "axe.min.js", "package/LICENSE": "axe-core.LICENSE"},
)
"""Deque's rules for accessible pages, as Lighthouse runs them."""
GRAVE: Final = ("serious", "critical")
_RUN: Final = """async (rules) => (await axe.run(document, {
        resultTypes: ["violations"], ...(rules.length && { runOnly: { type: "rule", values: rules } }),
    })).violations
    .map(({ id, impact, help, nodes }) => ({ id, impact, help,
        nodes: nodes.map(({ target, failureSummary }) => `${target.join(" ")}: ${failureSummary}`) }))"""


@cache
def _source() -> str:
    return (install_assets(default_cache(), AXE) / "axe.min.js").read_text()


async def grave_faults(page: Page, *, rules: Sequence[str] = ()) -> list[str]:
    """A line for each element that breaks a rule whose breach is serious or critical; of some rules, or all.

    The script is evaluated by the debugger's protocol: the pages' policy forbids scripts of other origins and
    texts that are evaluated within the page.
    """
    if not await page.evaluate("() => 'axe' in window"):
        await page.evaluate(_source())
    found: list[dict[str, Any]] = await page.evaluate(_RUN, list(rules))
    return [
        f"{one['id']} ({one['impact']}): {one['help']}: {node}"
        for one in found
        if one["impact"] in GRAVE
        for node in one["nodes"]
    ]
