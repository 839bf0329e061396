"""Telemetry in ClickHouse, its sessions, insights, live counters and queries."""
