"""HTTP to log: authenticate, limit, validate, append, answer."""
