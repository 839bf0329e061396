"""The demo studio: its definitions, its keys, and the game that bots play."""
