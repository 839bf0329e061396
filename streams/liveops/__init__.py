"""Process managers: they look at what time and the log have brought and ask the deciders for what follows."""
