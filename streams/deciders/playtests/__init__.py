"""The playtests decider: orders with slots and applications, money, playtesters, key batches."""
