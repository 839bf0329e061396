"""Playtests in the simulation: orders, seats, deadlines and money."""
