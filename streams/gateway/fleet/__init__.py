"""S5's writes."""
