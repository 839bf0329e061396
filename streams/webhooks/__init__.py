"""Posts webhooks: where to, when again, and when no more."""
