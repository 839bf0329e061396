"""Pure deciders: command and state in, events out."""
