"""Read-only HTTP and the dashboard: validate, one query, model."""
