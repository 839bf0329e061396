"""Game servers in this room: rows and tables, and what is read of them."""
