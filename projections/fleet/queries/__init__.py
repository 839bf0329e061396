"""What is read of the fleet: Redis for what is now, ClickHouse for output and samples."""
