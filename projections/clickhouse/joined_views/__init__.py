"""Views that join what nouns declare."""
