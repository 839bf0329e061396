"""The dashboard's parts that need no browser."""
