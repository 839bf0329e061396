"""What webhooks may be told of the fleet."""

from __future__ import annotations

from typing import Literal

FleetWebhookType = Literal["server.running", "server.stopped", "build.ready", "build.failed"]
