"""What playtests mean: orders with their slots and applications, playtesters, money; key batches."""
