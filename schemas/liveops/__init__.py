"""The liveops noun on the wire: players, attempts, grants, wallets, boards, groups and lobbies (S3)."""
