"""The Management API's reads of telemetry: games, sessions, insights, builds, testers, heatmaps, events."""
