"""Live-ops in the simulation: wallets, crates, boards and lobbies."""
