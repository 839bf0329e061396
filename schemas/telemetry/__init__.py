"""The telemetry noun on the wire: S4 items, S1 batches, feedback, session deadlines."""
