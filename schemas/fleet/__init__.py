"""What the hosting of game servers means."""
