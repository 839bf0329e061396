"""AI providers: what is asked of them for a studio, with its own keys."""
