"""Decides about players, attempts, grants, wallets, groups, lobbies and boards. Pure and total."""
