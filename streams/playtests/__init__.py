"""Playtests outside their decider: uploads and recordings, what effects do with them, key batches."""
