"""The frame of the pages at `/docs`: they load nothing from another host."""

from __future__ import annotations

from typing import Final

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}
_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="/docs/static/favicon.png">
{head}
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""
STYLE: Final = """<style>
:root { color-scheme: light dark; }
body { background: Canvas; color: CanvasText; }
body { font: 16px/1.6 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto; padding: 0 1.25rem; }
li { margin: 1rem 0; } a { font-weight: 600; } p { margin: 0.25rem 0; }
table { border-collapse: collapse; width: 100%; font-size: 0.9rem; }
th, td { text-align: left; vertical-align: top; padding: 0.25rem 0.75rem 0.25rem 0; }
tr { border-bottom: 1px solid #8884; } .wide, pre { overflow-x: auto; } h2 { margin-top: 2.5rem; }
.inner { font-weight: 400; }
pre { background: #8882; padding: 0.75rem 1rem; border-radius: 0.4rem; font-size: 0.85rem; }
input, select, textarea, button { font: inherit; min-height: 2.75rem; padding: 0.25rem 0.75rem; }
form[role=search] { display: flex; flex-wrap: wrap; gap: 0.5rem; align-items: center; margin: 1.5rem 0; }
form[role=search] input { flex: 1 1 14rem; min-width: 0; } nav ul { padding-left: 1.25rem; }
nav li { margin: 0.25rem 0; } .console { display: grid; gap: 0.4rem; }
.console textarea { font-family: ui-monospace, monospace; font-size: 0.85rem; }
</style>"""


def page_of(title: str, head: str, body: str) -> str:
    """A page in HTML. What is given is HTML already."""
    return _PAGE.format(title=title, head=head, body=body)
