"""The dashboard in a real headless Chromium, over a real ClickHouse."""
