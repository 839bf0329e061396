"""S2's reads: a studio's orders, slots, submissions and money; a playtester's own."""
