"""The frame of the pages at `/docs`: they load nothing from another host."""

from __future__ import annotations

from typing import Final

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    "frame-ancestors 'none'",
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
{body}
</body>
</html>
"""
STYLE: Final = """<style>
:root { color-scheme: light dark; }
body { font: 16px/1.6 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto; padding: 0 1.25rem; }
li { margin: 1rem 0; } a { font-weight: 600; } p { margin: 0.25rem 0; }
table { border-collapse: collapse; width: 100%; font-size: 0.9rem; }
th, td { text-align: left; vertical-align: top; padding: 0.25rem 0.75rem 0.25rem 0; }
tr { border-bottom: 1px solid #8884; } .wide { overflow-x: auto; } h2 { margin-top: 2.5rem; }
</style>"""


def page_of(title: str, head: str, body: str) -> str:
    """A page in HTML. What is given is HTML already."""
    return _PAGE.format(title=title, head=head, body=body)
