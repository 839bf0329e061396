"""Redis machinery without domain nouns: the apply script, readiness, outcomes."""
