"""S5's reads."""
